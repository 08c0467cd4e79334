/**
 * Text with references: split into its literal pieces and its references.
 *
 * Invariant: `$${{` is the text `${{`; `escapeText` and `resolve` are inverse.
 */
import { HoldfastError } from '../failure.ts';
import { nearestName } from './nearest-name.ts';
import { REFERENCE_ROOTS, type PathPart, type Reference } from './reference.ts';

/** Text in which nothing is a reference: `resolve(escapeText(text), …) === text`. */
export function escapeText(text: string): string {
  return text.replaceAll('${{', () => '$${{');
}

/**
 * Splits text into literal pieces and references.
 * @param onError told of each reference that cannot be read, which is then passed over; left out: the first is thrown
 * @throws HoldfastError `bad-plan`
 */
export function parseTemplate(text: string, onError?: (error: HoldfastError) => void): readonly (string | Reference)[] {
  const parts: (string | Reference)[] = [];
  let literal = '';
  let at = 0;
  for (;;) {
    const open = text.indexOf('${{', at);
    if (open < 0) break;
    if (open > at && text[open - 1] === '$') {
      literal += `${text.slice(at, open - 1)}\${{`;
      at = open + 3;
      continue;
    }
    literal += text.slice(at, open);
    if (literal !== '') parts.push(literal);
    literal = '';
    // Where a reference that is not closed ends.
    at = text.length;
    try {
      at = endOfReference(text, open);
      parts.push(parseReference(text.slice(open, at)));
    } catch (error) {
      if (onError === undefined || !(error instanceof HoldfastError)) throw error;
      onError(error);
    }
  }
  literal += text.slice(at);
  if (literal !== '') parts.push(literal);
  return parts;
}

/** The index after the closing `}}`; a `}}` within a quoted name does not close. */
function endOfReference(text: string, start: number): number {
  const match = /\$\{\{(?:"(?:[^"\\]|\\.)*"|[^"}]|\}(?!\}))*\}\}/y;
  match.lastIndex = start;
  const found = match.exec(text);
  if (found) return match.lastIndex;
  throw syntaxError(
    text.slice(start, start + 60),
    'has no closing }}',
    'Close it with }}, or write $${{ for the text ${{.',
  );
}

const NAMED = {
  state: { what: 'state key', example: 'total' },
  env: { what: 'variable', example: 'DATABASE_URL' },
  secrets: { what: 'secret', example: 'API_TOKEN' },
} as const;

function parseReference(text: string): Reference {
  const inner = text.slice(3, -2).trim();
  const [root, ...path] = parsePath(inner, text);
  switch (root) {
    case 'input':
    case 'output':
      return { root, path, text };
    case 'state':
    case 'env':
    case 'secrets': {
      const [name, ...rest] = path;
      if (typeof name !== 'string')
        throw syntaxError(
          text,
          `names no ${NAMED[root].what}`,
          `Write for example \${{ ${root}.${NAMED[root].example} }}.`,
        );
      if (root !== 'state' && rest.length > 0)
        throw syntaxError(text, 'goes into a variable, which is text', `Write \${{ ${root}.${name} }}.`);
      return { root, name, path: rest, text };
    }
    case 'steps': {
      const [stepId, output, ...rest] = path;
      if (typeof stepId !== 'string' || output !== 'output') {
        throw syntaxError(
          text,
          "does not name a step's output",
          `Write \${{ steps.${typeof stepId === 'string' ? stepId : 'ID'}.output }}, with the path into it after that.`,
        );
      }
      return { root, stepId, path: rest, text };
    }
    case 'job':
      if (path.length !== 1 || path[0] !== 'id')
        throw syntaxError(text, 'is not known', 'Of the job there is ${{ job.id }}.');
      return { root, path: [], text };
    default: {
      const near = nearestName(String(root), REFERENCE_ROOTS);
      throw syntaxError(
        text,
        `begins with "${String(root)}"`,
        `A reference begins with input, state, steps, job, secrets, or env (databases), output (a step's \`state\`)${near === undefined ? '.' : `; did you mean "${near}"?`}`,
      );
    }
  }
}

function parsePath(inner: string, text: string): readonly PathPart[] {
  const parts: PathPart[] = [];
  const token =
    /(?:(?<dot>\.?)(?<name>[A-Za-z_][\w-]*)|\[(?<index>0|[1-9]\d{0,8})\]|\[(?<quoted>"(?:[^"\\]|\\.)*")\])/y;
  while (token.lastIndex < inner.length) {
    const at = token.lastIndex;
    const groups = token.exec(inner)?.groups;
    const dotFits = groups?.['name'] === undefined || (groups['dot'] === '.') === parts.length > 0;
    if (!groups || !dotFits || (parts.length === 0 && groups['name'] === undefined)) {
      throw syntaxError(
        text,
        `cannot be read from "${inner.slice(at, at + 20)}" on`,
        'A reference is a path: ${{ steps.gather.output.rows[0]["a name"] }}. There are no operators or calls: compute in a step.',
      );
    }
    if (groups['name'] !== undefined) parts.push(groups['name']);
    else if (groups['index'] !== undefined) parts.push(Number(groups['index']));
    else parts.push(parseQuoted(groups['quoted'] ?? '', text));
  }
  if (parts.length === 0)
    throw syntaxError(text, 'is empty', 'Write for example ${{ input.city }}, or $${{ for the text ${{.');
  return parts;
}

function parseQuoted(quoted: string, text: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    throw syntaxError(
      text,
      `has a name that is no JSON string: ${quoted}`,
      'Write it as in JSON: ["a \\"quoted\\" name"].',
    );
  }
}

function syntaxError(text: string, problem: string, hint: string): HoldfastError {
  return new HoldfastError('bad-plan', `${text} ${problem}. ${hint}`, { reference: text, hint });
}
