/** An Activity's heartbeats: they go on by themselves until stopped, with the latest progress. */
import type { Context } from '@temporalio/activity';
import { defined } from '../model/defined.ts';

/** Well below the heartbeat timeout (10 s); the SDK throttles what is more than needed. */
const EVERY_MS = 2_000;

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
    this.#timer = setInterval(() => context.heartbeat(this.#progress), EVERY_MS);
  }

  tell(message: string, fraction?: number): void {
    this.#progress = { message, ...defined({ fraction }) };
    this.#context.heartbeat(this.#progress);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
