/** A peer's process, from the side of the command that starts and loses it. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answered, Asked, KillPlace, Outcome, PeerKind } from './peer.ts';

const OPEN_LIMIT_MS = 120_000;
const ANSWER_LIMIT_MS = 60_000;
const MEASURE_LIMIT_MS = 60_000;
/** Of what it printed among errors and warnings; told when it fails. */
const MOST_PRINTED = 1_500;

type Wanted = Asked extends infer One ? (One extends { id: number } ? Omit<One, 'id'> : never) : never;

export class RunningPeer {
  readonly versions: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;
  readonly #questions: Questions;

  /** @throws an Error that says why it did not come up */
  static async open({ module }: PeerKind, place: KillPlace): Promise<RunningPeer> {
    const child = fork(fileURLToPath(new URL('peer-process.ts', import.meta.url)), {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, TMPDIR: place.folder, PEER_FOLDER: place.folder },
    });
    // Before the folder is removed: nothing is to write there any more.
    const kill = (): void => void child.kill('SIGKILL');
    process.prependOnceListener('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    const questions = new Questions(child);
    try {
      const versions = await questions.ask({ ask: 'open', module, place }, OPEN_LIMIT_MS);
      return new RunningPeer(child, questions, versions as Readonly<Record<string, string>>);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  private constructor(child: ChildProcess, questions: Questions, versions: Readonly<Record<string, string>>) {
    this.#child = child;
    this.#questions = questions;
    this.versions = versions;
  }

  async start(job: string): Promise<void> {
    await this.#questions.ask({ ask: 'start', job }, ANSWER_LIMIT_MS);
  }

  /** Had anything to be called? */
  async resume(job: string): Promise<boolean> {
    return (await this.#questions.ask({ ask: 'resume', job }, ANSWER_LIMIT_MS)) as boolean;
  }

  /** Undefined: it has none within the limit. */
  async outcome(job: string, limitMs: number): Promise<Outcome | undefined> {
    const answer = this.#questions.ask({ ask: 'outcome', job }, undefined) as Promise<Outcome>;
    answer.catch(() => undefined);
    return await within(answer, limitMs);
  }

  async sees(job: string): Promise<string> {
    return (await this.#questions.ask({ ask: 'sees', job }, ANSWER_LIMIT_MS)) as string;
  }

  /** Was anything to be called? */
  async goOn(job: string): Promise<boolean> {
    return (await this.#questions.ask({ ask: 'goOn', job }, ANSWER_LIMIT_MS)) as boolean;
  }

  /** Milliseconds a step. */
  async measure(job: string): Promise<number> {
    return (await this.#questions.ask({ ask: 'measure', job }, MEASURE_LIMIT_MS)) as number;
  }

  /** @throws an Error unless it ends itself by SIGKILL within the limit */
  async dies(limitMs: number): Promise<void> {
    const end = await within(this.#questions.ended, limitMs);
    if (end === undefined) throw new Error(`it was not killed within ${limitMs} ms: step 3 never came to its end`);
    if (end !== 'SIGKILL') throw new Error(`it ended with ${end}, not by its kill.${this.#questions.printed()}`);
  }

  /** As a power cut would: nothing is to be tidied up. Safe to repeat. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#questions.ended;
  }
}

class Questions {
  readonly ended: Promise<NodeJS.Signals | number>;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #last = 0;
  #printed = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      this.#printed = (this.#printed + chunk).slice(-MOST_PRINTED);
    });
    child.on('message', (message: Answered) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if ('problem' in message) waiting?.reject(new Error(`${message.problem}${this.printed()}`));
      else waiting?.resolve(message.value);
    });
    this.ended = new Promise((resolve) =>
      child.once('exit', (code, signal) => {
        resolve(signal ?? code ?? 1);
        for (const waiting of this.#waiting.values())
          waiting.reject(new Error(`its process ended with ${signal ?? code}.${this.printed()}`));
      }),
    );
  }

  printed(): string {
    return this.#printed.trim() === '' ? '' : `\nIt printed last:\n${this.#printed.trim()}`;
  }

  /** @param limitMs undefined: as long as it takes */
  async ask(wanted: Wanted, limitMs: number | undefined): Promise<unknown> {
    const id = ++this.#last;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.send({ ...wanted, id } as Asked, (error) => {
      if (error !== null) this.#waiting.get(id)?.reject(error);
    });
    if (limitMs === undefined) return await answer;
    const told = { value: undefined as unknown };
    const isThere = await within(
      answer.then((value) => ((told.value = value), true)),
      limitMs,
    );
    if (isThere === undefined) throw new Error(`no answer to ${wanted.ask} in ${limitMs} ms.${this.printed()}`);
    return told.value;
  }
}

async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), limitMs)));
  try {
    return await Promise.race([promise, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
