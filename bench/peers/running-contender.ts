/** A contender's process, from the side of the command. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ContenderKind, FromContender, Place, Ran, RunRequest, ToContender } from './contender.ts';

const OPEN_LIMIT_MS = 60_000;
const RUN_LIMIT_MS = 60_000;
const CLOSE_LIMIT_MS = 15_000;
/** Of what it printed among errors and warnings; told when it fails. */
const MOST_PRINTED = 2_000;

interface Parts {
  readonly kind: ContenderKind;
  readonly place: Place;
  readonly versions: Readonly<Record<string, string>>;
  readonly child: ChildProcess;
  readonly printed: () => string;
}

export class RunningContender {
  readonly kind: ContenderKind;
  readonly place: Place;
  readonly versions: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #printed: () => string;

  /** @throws an Error that says why it can't be measured */
  static async open(kind: ContenderKind, place: Place): Promise<RunningContender> {
    const child = fork(fileURLToPath(new URL('contender-process.ts', import.meta.url)), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // What it and its servers leave among the temporary files goes with the folder.
      env: { ...process.env, TMPDIR: place.folder },
    });
    const printed = lastPrinted(child);
    // Before the folder is removed: nothing is to write there any more.
    process.prependOnceListener('exit', () => child.kill('SIGKILL'));
    try {
      const told = await ask(child, { kind: 'open', module: kind.module, place }, OPEN_LIMIT_MS);
      if (told.kind !== 'opened') throw new Error(`opened, it told of ${told.kind}`);
      return new RunningContender({ kind, place, versions: told.versions, child, printed });
    } catch (error) {
      child.kill('SIGKILL');
      throw withPrinted(error, printed());
    }
  }

  private constructor({ kind, place, versions, child, printed }: Parts) {
    this.kind = kind;
    this.place = place;
    this.versions = versions;
    this.#child = child;
    this.#printed = printed;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async run(request: RunRequest): Promise<Ran> {
    const told = await ask(this.#child, { kind: 'run', request }, RUN_LIMIT_MS).catch((error: unknown) => {
      throw withPrinted(error, this.#printed());
    });
    if (told.kind !== 'ran') throw new Error(`asked to run, it told of ${told.kind}`);
    return told.ran;
  }

  /** Safe to repeat. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.connected) child.send({ kind: 'close' } satisfies ToContender);
    const limit = setTimeout(() => child.kill('SIGKILL'), CLOSE_LIMIT_MS);
    await ended;
    clearTimeout(limit);
  }
}

/** One question at a time. */
async function ask(child: ChildProcess, message: ToContender, limitMs: number): Promise<FromContender> {
  let forget = (): void => undefined;
  try {
    return await new Promise<FromContender>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`no answer to ${message.kind} in ${limitMs} ms`)), limitMs);
      const hear = (told: FromContender): void =>
        told.kind === 'failed' ? reject(new Error(told.why)) : resolve(told);
      const end = (code: number | null): void => reject(new Error(`its process ended with code ${code}`));
      child.once('message', hear).once('exit', end).once('error', reject);
      forget = () => {
        clearTimeout(limit);
        child.off('message', hear).off('exit', end).off('error', reject);
      };
      child.send(message);
    });
  } finally {
    forget();
  }
}

function lastPrinted(child: ChildProcess): () => string {
  let last = '';
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (last = (last + chunk).slice(-MOST_PRINTED)));
  return () => last.trim();
}

function withPrinted(error: unknown, printed: string): Error {
  const message = error instanceof Error ? error.message : String(error);
  return new Error(printed === '' ? message : `${message}\nIt printed last:\n${printed}`, { cause: error });
}
