/** Where in the source something was called: the nearest line of the user's own. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** `src/` or `dist/` of this package. */
const OWN = fileURLToPath(new URL('../..', import.meta.url));
const FRAMES = 40;

export interface Caller {
  /** `steps.ts:12:5`, relative to the working directory. */
  readonly at: string;
  /** Was it called by Holdfast? */
  readonly isOwn: boolean;
}

/** Undefined: nothing but Node's own code, or a package that works by itself, is on the stack. */
export function callerOf(above: (...given: never[]) => unknown, cwd: string): Caller | undefined {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  Error.captureStackTrace(holder, above);
  Error.stackTraceLimit = limit;
  const places = (holder.stack ?? '').split('\n').flatMap((line) => placeOf(line) ?? []);
  const [nearest] = places;
  if (nearest === undefined) return undefined;
  if (nearest.file.startsWith(OWN)) return { at: '', isOwn: true };
  const user = places.find(({ file }) => !file.startsWith(OWN) && !isPackage(file));
  if (user !== undefined) return { at: `${shown(user.file, cwd)}:${user.line}`, isOwn: false };
  return WORKS_BY_ITSELF.test(nearest.file) ? undefined : { at: shown(nearest.file, cwd), isOwn: false };
}

/** What Holdfast and Temporal work with: not called by the user's code. */
const WORKS_BY_ITSELF = /node_modules\/(@temporalio|@grpc|pg|pg-[\w-]+|protobufjs|@noble|long)\//;

function isPackage(file: string): boolean {
  return file.includes(`${path.sep}node_modules${path.sep}`);
}

function placeOf(line: string): { readonly file: string; readonly line: string } | undefined {
  const match = /(?:\(|at (?:async )?)((?:file:\/\/)?\/[^()]*?):(\d+):\d+\)?$/.exec(line.trim());
  if (match === null) return undefined;
  const [, file = '', number = ''] = match;
  return { file: file.startsWith('file://') ? fileURLToPath(file) : file, line: number };
}

function shown(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative.startsWith('..') ? file : relative;
}
