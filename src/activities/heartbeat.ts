/** An Activity's heartbeats: they go on by themselves until stopped, with the latest progress. */
import type { Context } from '@temporalio/activity';
import { defined } from '../model/defined.ts';

/**
 * A cancellation reaches a step with the answer to a heartbeat, so this is how long a person waits for it at most. Each
 * costs the server a write. Well below the heartbeat timeout (10 s).
 */
export const HEARTBEAT_EVERY_MS = 1_000;

/** The server takes heartbeats of a bounded size, and people see a line of it. */
const MAX_MESSAGE_CHARACTERS = 1_000;

/** Its fields are in heartbeat details, which people see in the UI. */
interface Progress {
  readonly message: string;
  /** 0 to 1. */
  readonly fraction?: number;
}

export class Heartbeat {
  readonly #context: Pick<Context, 'heartbeat'>;
  readonly #timer: NodeJS.Timeout;
  #progress: Progress | undefined;

  constructor(context: Pick<Context, 'heartbeat'>) {
    this.#context = context;
    this.#timer = setInterval(() => context.heartbeat(this.#progress), HEARTBEAT_EVERY_MS);
  }

  tell(message: string, fraction?: number): void {
    const told = fraction === undefined || Number.isNaN(fraction) ? undefined : Math.min(1, Math.max(0, fraction));
    this.#progress = { message: message.slice(0, MAX_MESSAGE_CHARACTERS), ...defined({ fraction: told }) };
    this.#context.heartbeat(this.#progress);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
