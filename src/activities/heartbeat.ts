/** An Activity's heartbeats: they go on by themselves until stopped, with the latest progress. */
import type { Context } from '@temporalio/activity';
import { defined } from '../model/defined.ts';
import { bootMoment } from '../store/life/boot-clock.ts';

/**
 * Where the worker's options say nothing. A cancellation reaches a step with the answer to a heartbeat, so this is how
 * long a person waits for it at most. Each costs the server a write.
 */
export const HEARTBEAT_EVERY_MS = 1_000;

/** Heartbeats within a timeout: two may be lost, or late, before an attempt is taken for lost. */
const IN_A_TIMEOUT = 3;

/** As often as the worker's options say, and as the job's timeout needs; without one (0) the former alone. */
export function beatEveryMs(chosenMs: number, timeoutMs = 0): number {
  return timeoutMs > 0 ? Math.min(chosenMs, Math.floor(timeoutMs / IN_A_TIMEOUT)) : chosenMs;
}

/** The server takes heartbeats of a bounded size, and people see a line of it. */
const MAX_MESSAGE_CHARACTERS = 1_000;

/** Its fields are in heartbeat details, which people see in the UI. */
interface Progress {
  readonly message?: string;
  /** 0 to 1. */
  readonly fraction?: number;
  /** How many sub-steps are done, and which was the last. */
  readonly subSteps?: { readonly done: number; readonly latest: string };
}

export class Heartbeat {
  readonly #context: Pick<Context, 'heartbeat'>;
  readonly #timer: NodeJS.Timeout;
  readonly #timeoutMs: number;
  readonly #nowMs: () => number;
  #progress: Progress | undefined;
  #sentAtMs: number;

  /** @param limits `timeoutMs`: of the Activity; 0: none. `nowMs`: a clock that counts while the host sleeps */
  constructor(
    context: Pick<Context, 'heartbeat'>,
    everyMs: number,
    {
      timeoutMs = 0,
      nowMs = () => bootMoment().bootMs,
    }: { readonly timeoutMs?: number; readonly nowMs?: () => number } = {},
  ) {
    this.#context = context;
    this.#timeoutMs = timeoutMs;
    this.#nowMs = nowMs;
    this.#sentAtMs = nowMs();
    this.#timer = setInterval(() => this.#send(), everyMs);
  }

  /**
   * Was none sent for so long that the server has given this attempt up? The process, or its host, stood still. The
   * server's word comes with the answer to the next one, which may be late.
   */
  get isGivenUp(): boolean {
    return this.#timeoutMs > 0 && this.#nowMs() - this.#sentAtMs > this.#timeoutMs;
  }

  tell(message: string, fraction?: number): void {
    const told = fraction === undefined || Number.isNaN(fraction) ? undefined : Math.min(1, Math.max(0, fraction));
    const { subSteps } = this.#progress ?? {};
    this.#progress = {
      message: message.slice(0, MAX_MESSAGE_CHARACTERS),
      ...defined({ fraction: told, subSteps }),
    };
    this.#send();
  }

  /** Goes out with the next heartbeat: thousands may be done between two. */
  noteSubStep(done: number, latest: string): void {
    this.#progress = { ...this.#progress, subSteps: { done, latest } };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #send(): void {
    // What was given up stays so.
    if (!this.isGivenUp) this.#sentAtMs = this.#nowMs();
    this.#context.heartbeat(this.#progress);
  }
}
