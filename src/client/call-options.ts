/**
 * What the client's calls are given, checked before anything is asked or changed: a program without types may give
 * anything, and a misspelled option would be left at its default without a word.
 */
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from '../model/options.ts';
import { DecisionSchema, parseAbort, parseDecision, type Abort, type Decision } from '../model/question/decision.ts';
import type { DecideOptions, DecisionInput, HoldfastClientOptions, WaitOptions, WatchOptions } from './job-types.ts';
import { ListFilterSchema, type ListOptions } from './job-listing.ts';

const CLIENT: OptionNames<HoldfastClientOptions> = {
  client: true,
  connection: true,
  address: true,
  taskQueue: true,
  queryTimeoutMs: true,
};

const DECIDE: OptionNames<DecideOptions> = { via: true };
const LIST: OptionNames<ListOptions> = { state: true, limit: true };
const WAIT: OptionNames<WaitOptions> = { wait: true };
const WATCH: OptionNames<WatchOptions> = { intervalMs: true, signal: true, onTrouble: true };

const WAYS = ['update', 'signal'] as const;

/** @throws HoldfastError `bad-input` */
export function refuseBadClientOptions(options: HoldfastClientOptions): void {
  refuseUnknownOptions('new HoldfastClient', options, CLIENT);
}

/** @throws HoldfastError `bad-input` */
export function refuseBadListing(options: ListOptions): void {
  refuseUnknownOptions('client.list', options, LIST);
  const { state, limit } = options;
  if (state !== undefined) mustBeOneOf('client.list', 'state', state, ListFilterSchema.options);
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
    throw new HoldfastError(
      'bad-input',
      `client.list was given limit ${String(limit)}. Expected a whole number above 0.`,
    );
}

/** @throws HoldfastError `bad-input` */
export function refuseBadWatch(options: WatchOptions): void {
  refuseUnknownOptions('client.watch', options, WATCH);
}

/** @param call as the program writes it. @throws HoldfastError `bad-input` */
export function waits(call: string, options: WaitOptions): boolean {
  refuseUnknownOptions(call, options, WAIT);
  return options.wait === true;
}

/** How a decision travels. @throws HoldfastError `bad-input` */
export function wayOf(options: DecideOptions): 'update' | 'signal' {
  refuseUnknownOptions('client.decide', options, DECIDE);
  const { via = 'update' } = options;
  mustBeOneOf('client.decide', 'via', via, WAYS);
  return via;
}

/** Before a worker is asked for the question. @throws HoldfastError `bad-input` */
export function refuseUnknownInDecision(call: string, given: DecisionInput): void {
  refuseUnknownOptions(call, given, DecisionSchema.shape);
}

/** @throws HoldfastError `bad-input` */
export function wellFormed(given: unknown): Decision {
  const parsed = parseDecision(given);
  if ('decision' in parsed) return parsed.decision;
  throw new HoldfastError('bad-input', `The decision cannot be sent: ${parsed.problems.join('; ')}.`, {
    problems: parsed.problems,
  });
}

/** @throws HoldfastError `bad-input` */
export function wellFormedAbort(given: unknown): Abort {
  const parsed = parseAbort(given);
  if ('abort' in parsed) return parsed.abort;
  throw new HoldfastError('bad-input', `The job cannot be aborted so: ${parsed.problems.join('; ')}.`, {
    problems: parsed.problems,
  });
}

function mustBeOneOf(call: string, option: string, given: string, allowed: readonly string[]): void {
  if (allowed.includes(given)) return;
  throw new HoldfastError(
    'bad-input',
    `${call} was given ${option} ${JSON.stringify(given)}. Expected one of ${allowed.join(', ')}.`,
  );
}
