/** One reference from its text, `${{` and `}}` included. */
import { HoldfastError } from '../../failure.ts';
import { nearestName } from '../../nearest-name.ts';
import { REFERENCE_ROOTS, type PathPart, type Reference } from './reference.ts';

const NAMED = {
  state: { what: 'state key', example: 'total' },
  env: { what: 'variable', example: 'DATABASE_URL' },
  secrets: { what: 'secret', example: 'API_TOKEN' },
} as const;

/** @throws HoldfastError `bad-plan` */
export function parseReference(text: string): Reference {
  const inner = text.slice(3, -2).trim();
  const [root, ...path] = parsePath(inner, text);
  switch (root) {
    case 'input':
    case 'output':
    case 'item':
    case 'previous':
      return { root, path, text };
    case 'state':
    case 'env':
    case 'secrets':
      return namedReference(root, path, text);
    case 'steps':
      return stepReference(path, text);
    case 'job':
      if (path.length !== 1 || path[0] !== 'id')
        throw syntaxError(text, 'is not known', 'Of the job there is ${{ job.id }}.');
      return { root, path: [], text };
    case 'index':
    case 'round':
      if (path.length > 0) throw syntaxError(text, 'goes into a number', `Write \${{ ${root} }}.`);
      return { root, path: [], text };
    default:
      throw unknownRoot(String(root), text);
  }
}

/** The failure of text that cannot be read as a reference. */
export function syntaxError(text: string, problem: string, hint: string): HoldfastError {
  return new HoldfastError('bad-plan', `${text} ${problem}. ${hint}`, { reference: text, hint });
}

function namedReference(root: keyof typeof NAMED, path: readonly PathPart[], text: string): Reference {
  const [name, ...rest] = path;
  const { what, example } = NAMED[root];
  if (typeof name !== 'string')
    throw syntaxError(text, `names no ${what}`, `Write for example \${{ ${root}.${example} }}.`);
  if (root !== 'state' && rest.length > 0)
    throw syntaxError(text, 'goes into a variable, which is text', `Write \${{ ${root}.${name} }}.`);
  return { root, name, path: rest, text };
}

function stepReference(path: readonly PathPart[], text: string): Reference {
  const [stepId, output, ...rest] = path;
  if (typeof stepId === 'string' && output === 'output') return { root: 'steps', stepId, path: rest, text };
  const example = typeof stepId === 'string' ? stepId : 'ID';
  const hint = `Write \${{ steps.${example}.output }}, with the path into it after that.`;
  throw syntaxError(text, "does not name a step's output", hint);
}

function unknownRoot(root: string, text: string): HoldfastError {
  const near = nearestName(root, REFERENCE_ROOTS);
  const roots =
    'input, state, steps, job, secrets, item and index (forEach), round and previous (until), env (databases), ' +
    "output (a step's `state`)";
  const hint = near === undefined ? '.' : `; did you mean "${near}"?`;
  return syntaxError(text, `begins with "${root}"`, `A reference begins with ${roots}${hint}`);
}

/** A name after its dot, an index, or a quoted name in brackets. */
const TOKEN = /(?:(?<dot>\.?)(?<name>[A-Za-z_][\w-]*)|\[(?<index>0|[1-9]\d{0,8})\]|\[(?<quoted>"(?:[^"\\]|\\.)*")\])/y;
const MAX_REST_SHOWN = 20;

function parsePath(inner: string, text: string): readonly PathPart[] {
  const parts: PathPart[] = [];
  // Not a copy: in the Workflows' bundle named groups belong to the one object that the build has made of TOKEN.
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < inner.length) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(inner)?.groups;
    const dotFits = groups?.['name'] === undefined || (groups['dot'] === '.') === parts.length > 0;
    if (!groups || !dotFits || (parts.length === 0 && groups['name'] === undefined))
      throw syntaxError(
        text,
        `cannot be read from "${inner.slice(at, at + MAX_REST_SHOWN)}" on`,
        'A reference is a path: ${{ steps.gather.output.rows[0]["a name"] }}. ' +
          'There are no operators or calls: compute in a step, or compare in `when: { eq: [A, B] }`.',
      );
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
    const hint = 'Write it as in JSON: ["a \\"quoted\\" name"].';
    throw syntaxError(text, `has a name that is no JSON string: ${quoted}`, hint);
  }
}
