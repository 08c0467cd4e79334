/**
 * References in a plan: `${{ input.city }}`, `${{ steps.gather.output.rows[0] }}`, `${{ state.total }}`,
 * `${{ job.id }}`, `${{ secrets.NAME }}` (a step's input), and `${{ env.NAME }}` (databases only). Paths and nothing else: no
 * operators, no calls.
 *
 * Invariants
 * 1. A string that is one reference and nothing else keeps the value's type; inside longer text only strings, numbers
 *    and booleans can stand.
 * 2. What a reference yields is never read again for references: data cannot inject any.
 * 3. `$${{` is the text `${{`; `escapeText` and `resolve` are inverse.
 * 4. Nothing is ever missing silently: a reference without a value is an error that says what there is.
 * 5. A secret's value is never here: where one belongs is said beside the input, in places that only the plan can name.
 */
import type { Json } from '../canonical-json.ts';
import { HoldfastError } from '../failure.ts';
import { nearestName } from './problem.ts';
import type { PlacedSecret } from '../step/secret.ts';

export const REFERENCE_ROOTS = ['input', 'state', 'steps', 'job', 'secrets', 'env', 'output'] as const;
export type ReferenceRoot = (typeof REFERENCE_ROOTS)[number];

/** One part of a reference's path: a member's name or an index. */
export type PathPart = string | number;

export type Reference =
  | { readonly root: 'input' | 'output'; readonly path: readonly PathPart[]; readonly text: string }
  | {
      readonly root: 'state' | 'env' | 'secrets';
      readonly name: string;
      readonly path: readonly PathPart[];
      readonly text: string;
    }
  | { readonly root: 'steps'; readonly stepId: string; readonly path: readonly PathPart[]; readonly text: string }
  | { readonly root: 'job'; readonly path: readonly []; readonly text: string };

/** What references may see. A root that is left out cannot be used in this place. */
export interface Scope {
  readonly input?: Json;
  readonly state?: { readonly [key: string]: Json };
  readonly steps?: ReadonlyMap<string, Json>;
  readonly job?: { readonly id: string };
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly output?: Json;
}

/** Where in a value a reference stands. `path` is that of the string: `with.rows[2]`. */
export interface PlacedReference {
  readonly reference: Reference;
  readonly path: string;
}

/**
 * Every reference in a value, in reading order. Pure.
 * @throws HoldfastError `bad-plan` for text between `${{` and `}}` that is not a reference
 */
export function referencesOf(value: Json, path = ''): readonly PlacedReference[] {
  if (typeof value === 'string') {
    return parseTemplate(value).flatMap((part) => (typeof part === 'string' ? [] : [{ reference: part, path }]));
  }
  if (isList(value)) return value.flatMap((item, index) => referencesOf(item, `${path}[${index}]`));
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, member]) => referencesOf(member, joinPath(path, key)));
  }
  return [];
}

/**
 * The value with every reference replaced. Keys of objects are taken as they are. Pure.
 * @throws HoldfastError `bad-input` (`missing-variable` for `env`) naming the reference and what exists instead
 */
export function resolve(value: Json, scope: Scope): Json {
  if (typeof value === 'string') return resolveText(value, scope);
  if (isList(value)) return value.map((item) => resolve(item, scope));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, resolve(member, scope)]));
  }
  return value;
}

export interface ResolvedInput {
  /** Where a secret belongs its reference stands, for people: `Bearer ${{ secrets.TOKEN }}`. */
  readonly input: Json;
  readonly secrets: readonly PlacedSecret[];
}

/**
 * A step's input with every reference replaced but those to secrets, and where those belong. What other references yield can't
 * name a secret, whatever it says. Pure.
 * @throws HoldfastError as `resolve`
 */
export function resolveInput(value: Json, scope: Scope): ResolvedInput {
  const secrets: PlacedSecret[] = [];
  const walk = (part: Json, at: readonly PathPart[]): Json => {
    if (isList(part)) return part.map((item, index) => walk(item, [...at, index]));
    if (typeof part === 'object' && part !== null)
      return Object.fromEntries(Object.entries(part).map(([key, member]) => [key, walk(member, [...at, key])]));
    if (typeof part !== 'string') return part;
    const pieces = parseTemplate(part);
    if (!pieces.some((piece) => typeof piece !== 'string' && piece.root === 'secrets')) return resolveText(part, scope);
    const parts = pieces.map((piece) =>
      typeof piece === 'string' ? piece : piece.root === 'secrets' ? { secret: piece.name } : textOf(piece, scope),
    );
    secrets.push({ at: [...at], parts });
    return parts.map((piece) => (typeof piece === 'string' ? piece : `\${{ secrets.${piece.secret} }}`)).join('');
  };
  return { input: walk(value, []), secrets };
}

/** Text in which nothing is a reference: `resolve(escapeText(text), …) === text`. */
export function escapeText(text: string): string {
  return text.replaceAll('${{', () => '$${{');
}

/** `with` + `rows` → `with.rows`; names that are no plain word are quoted: `with["a b"]`. */
export function joinPath(path: string, part: PathPart): string {
  if (typeof part === 'number') return `${path}[${part}]`;
  if (!/^[A-Za-z_][\w-]*$/.test(part)) return `${path}[${JSON.stringify(part)}]`;
  return path === '' ? part : `${path}.${part}`;
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

function resolveText(text: string, scope: Scope): Json {
  const parts = parseTemplate(text);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && typeof only !== 'string') return valueOf(only, scope);
  return parts.map((part) => (typeof part === 'string' ? part : textOf(part, scope))).join('');
}

function textOf(reference: Reference, scope: Scope): string {
  const value = valueOf(reference, scope);
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new HoldfastError(
    'bad-input',
    `${reference.text} stands inside longer text but is ${describe(value)}. Text can take strings, numbers and booleans; use the reference alone to pass the value whole.`,
    { reference: reference.text },
  );
}

function valueOf(reference: Reference, scope: Scope): Json {
  switch (reference.root) {
    case 'job':
      if (scope.job === undefined) throw notHere(reference, scope);
      return scope.job.id;
    case 'env': {
      if (scope.env === undefined) throw notHere(reference, scope);
      const value = Object.hasOwn(scope.env, reference.name) ? scope.env[reference.name] : undefined;
      if (value === undefined || value === '') {
        throw new HoldfastError(
          'missing-variable',
          `The environment variable ${reference.name} is ${value === undefined ? 'not set' : 'empty'}; the plan refers to it as ${reference.text}.`,
          { variable: reference.name },
        );
      }
      return value;
    }
    // Only `resolveInput` takes one.
    case 'secrets':
      throw notHere(reference, scope);
    case 'steps': {
      if (scope.steps === undefined) throw notHere(reference, scope);
      const output = scope.steps.get(reference.stepId);
      if (output === undefined) throw missing(reference, 'steps', [...scope.steps.keys()], reference.stepId);
      return follow(output, reference, `steps.${reference.stepId}.output`);
    }
    case 'state': {
      if (scope.state === undefined) throw notHere(reference, scope);
      if (!Object.hasOwn(scope.state, reference.name))
        throw missing(reference, 'state', Object.keys(scope.state), reference.name);
      return follow(scope.state[reference.name]!, reference, `state.${reference.name}`);
    }
    case 'input':
    case 'output': {
      const value = scope[reference.root];
      if (value === undefined) throw notHere(reference, scope);
      return follow(value, reference, reference.root);
    }
  }
}

function follow(start: Json, reference: Reference, startName: string): Json {
  let value = start;
  let name = startName;
  for (const part of reference.path) {
    const list = isList(value);
    if (typeof value !== 'object' || value === null || list !== (typeof part === 'number')) {
      throw new HoldfastError(
        'bad-input',
        `${reference.text} has no value: ${name} is ${describe(value)}, and ${typeof part === 'number' ? `[${part}] asks for an item of a list` : `"${part}" asks for a member of an object`}.`,
        { reference: reference.text },
      );
    }
    if (!Object.hasOwn(value, part))
      throw missing(reference, name, isList(value) ? value.length : Object.keys(value), String(part));
    value = (value as { readonly [key: PathPart]: Json })[part]!;
    name = joinPath(name, part);
  }
  return value;
}

/** `there`: the names of an object's members, or a list's length. */
function missing(
  reference: Reference,
  where: string,
  there: readonly string[] | number,
  wanted: string,
): HoldfastError {
  const near = typeof there === 'number' ? undefined : nearestName(wanted, there);
  const found = typeof there === 'number' ? `a list of ${there}` : there.length === 0 ? 'nothing' : listNames(there);
  return new HoldfastError(
    'bad-input',
    `${reference.text} has no value: ${where} holds ${found}${near === undefined ? '.' : `; did you mean "${near}"?`}`,
    { reference: reference.text },
  );
}

function notHere(reference: Reference, scope: Scope): HoldfastError {
  const usable = REFERENCE_ROOTS.filter((root) => root !== 'secrets' && scope[root] !== undefined);
  return new HoldfastError(
    'bad-input',
    `${reference.text} cannot be used here; usable here: ${usable.length === 0 ? 'no references' : usable.join(', ')}.`,
    { reference: reference.text },
  );
}

function syntaxError(text: string, problem: string, hint: string): HoldfastError {
  return new HoldfastError('bad-plan', `${text} ${problem}. ${hint}`, { reference: text, hint });
}

const MAX_NAMES_SHOWN = 12;
function listNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES_SHOWN).join(', ');
  return names.length > MAX_NAMES_SHOWN ? `${shown} and ${names.length - MAX_NAMES_SHOWN} more` : shown;
}

function describe(value: Json): string {
  if (value === null) return 'null';
  if (isList(value)) return `a list of ${value.length}`;
  if (typeof value === 'object') return 'an object';
  return `the ${typeof value} ${JSON.stringify(value).slice(0, 40)}`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
