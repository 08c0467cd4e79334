/** Braces as a shell expands them: `{a,b}.md` is `a.md` and `b.md`. Braces without a comma are themselves. Pure. */

interface BraceGroup {
  readonly start: number;
  /** The place after its closing brace. */
  readonly end: number;
  readonly alternatives: readonly string[];
}

export function hasBraces(text: string): boolean {
  return firstGroup(text) !== undefined;
}

/** All texts that a pattern's braces stand for. Undefined: more than `limit`. */
export function expandBraces(pattern: string, limit: number): readonly string[] | undefined {
  const texts: string[] = [];
  const pending = [pattern];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const group = firstGroup(next);
    if (group === undefined) texts.push(next);
    else for (const alternative of group.alternatives.toReversed()) pending.push(replaced(next, group, alternative));
    if (texts.length + pending.length > limit) return undefined;
  }
  return texts;
}

function replaced(text: string, { start, end }: BraceGroup, alternative: string): string {
  return text.slice(0, start) + alternative + text.slice(end);
}

function firstGroup(text: string): BraceGroup | undefined {
  for (let start = text.indexOf('{'); start >= 0; start = text.indexOf('{', start + 1)) {
    const group = groupAt(text, start);
    if (group !== undefined) return group;
  }
  return undefined;
}

/** Undefined: the brace at this place is not closed, or has no comma of its own. */
function groupAt(text: string, start: number): BraceGroup | undefined {
  const alternatives: string[] = [];
  let depth = 0;
  let from = start + 1;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '{') depth += 1;
    if (character === '}') depth -= 1;
    const isOwn = depth === 0 || (depth === 1 && character === ',');
    if (!isOwn) continue;
    alternatives.push(text.slice(from, at));
    from = at + 1;
    if (depth === 0) return alternatives.length > 1 ? { start, end: from, alternatives } : undefined;
  }
  return undefined;
}
