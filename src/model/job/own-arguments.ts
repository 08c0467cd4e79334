/** What Holdfast hands to a Workflow behind its own arguments, and where a job works that was handed one. Pure. */
import { whyUnreadable } from '../unreadable.ts';

const OWN_FIELD = /^holdfast:/;

/** Is it one that Holdfast has added: what a Run hands to the next, what a fork begins with? */
export function isOwnArgument(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || whyUnreadable(value) !== undefined) return false;
  const [first, ...more] = Object.keys(value);
  return first !== undefined && more.length === 0 && OWN_FIELD.test(first);
}

/** Of a fork. */
export interface ForkTold {
  readonly workspace: string;
  /** The chain's head at the checkpoint that it was made of. */
  readonly head: string | undefined;
}

/** What an argument says of the fork whose Run got it. Undefined: it is none. */
export function forkToldIn(value: unknown): ForkTold | undefined {
  if (!isOwnArgument(value)) return undefined;
  const told = Object.values(value)[0] as Told | undefined;
  // A later Run is handed it among the rest. A job that was started from a store has its folder there, too.
  const fork = told?.carried?.fork ?? told?.carried?.resumed ?? told;
  const head = fork?.from?.head;
  return typeof fork?.workspace === 'string'
    ? { workspace: fork.workspace, head: typeof head === 'string' ? head : undefined }
    : undefined;
}

interface Told extends Place {
  readonly carried?: { readonly fork?: Place; readonly resumed?: Place };
}

interface Place {
  readonly workspace?: unknown;
  readonly from?: { readonly head?: unknown };
}
