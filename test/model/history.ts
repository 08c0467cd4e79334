/** Which steps are in force, and which of them used what has changed. As `src/protocol/compare/` does it. */
import { ABSENT, type Running } from './running.ts';
import {
  requestedOf,
  type Answer,
  type Entry,
  type Finding,
  type FindingClass,
  type Ledger,
  type Resource,
  type Step,
  type StepId,
  type StepRecord,
  type Value,
} from './state.ts';

type Placed = StepRecord & { readonly seq: number };

export class History {
  readonly latest: readonly Placed[];
  readonly #void = new Set<StepId>();
  readonly #r: Running;

  constructor(r: Running) {
    this.#r = r;
    const latest = new Map<StepId, Placed>();
    for (const record of r.ledger.chain) {
      if (record.kind === 'step') {
        latest.delete(record.step);
        latest.set(record.step, record);
        this.#void.delete(record.step);
      } else if (record.kind === 'undone') {
        if (latest.get(record.step)?.seq === record.undoes) latest.delete(record.step);
      } else if (record.kind === 'decision') {
        for (const [step] of record.reruns)
          for (const one of [step, ...latest.keys()]) if (requestedOf(one) === step) this.#void.add(one);
      }
    }
    this.latest = [...latest.values()].filter(({ step }) => !this.#void.has(step));
  }

  /** Steps that a rerun runs again where a resource is not as recorded. */
  affected(res: Resource, found: Value, entry: Entry): Step[] {
    const users = this.#usersOf(res, entry.seq);
    const maker =
      entry.role === 'written' && entry.step !== undefined && !this.#void.has(entry.step) ? entry.step : undefined;
    const recorded =
      maker !== undefined && (found === ABSENT || users.length === 0)
        ? this.withDependents([requestedOf(maker)])
        : users;
    // Half-applied intents that used what has changed.
    const changed = new Set<Resource>([res, ...recorded.flatMap((step) => this.#writtenBy(step))]);
    const half = this.#r.ledger.intents
      .filter(({ state }) => state === 'applying')
      .filter(
        ({ step, reads }) =>
          (step === 'b:s' && recorded.includes('b')) ||
          (requestedOf(step) === 'b' && recorded.includes('a')) ||
          reads.some(([one]) => changed.has(one)),
      )
      .map(({ step }) => requestedOf(step));
    return [...new Set([...recorded, ...half])];
  }

  /** Adds what used an output of these, or read what they wrote: step `b` of `a`. */
  withDependents(steps: readonly Step[]): Step[] {
    const inForce = new Set(this.latest.map(({ step }) => requestedOf(step)));
    const all: Step[] = [...steps];
    if (steps.includes('a') && inForce.has('b') && !all.includes('b') && this.#r.has('dependents')) all.push('b');
    return all.filter((step) => inForce.has(step));
  }

  #usersOf(res: Resource, since: number): Step[] {
    const readers = this.latest.filter(
      ({ changes, seq }) =>
        seq >= since &&
        changes.some(([one, role]) => one === res && role === 'read') &&
        !changes.some(([one, role]) => one === res && role === 'written'),
    );
    return this.withDependents([...new Set(readers.map(({ step }) => requestedOf(step)))]);
  }

  #writtenBy(step: Step): readonly Resource[] {
    const record = this.latest.find((one) => one.step === step);
    return record?.changes.flatMap(([res, role]) => (role === 'written' ? [res] : [])) ?? [];
  }
}

/** Steps in force that another Run did and that this one has neither heard of nor adopted. */
export function forgotten({ chain }: Ledger, run: number, held: readonly number[]): readonly Placed[] {
  const ahead = new Map<StepId, Placed>();
  const adopted = new Set<number>();
  for (const record of chain) {
    if (record.kind === 'decision') {
      if (record.run === run) for (const seq of record.adopts) adopted.add(seq);
      for (const [step] of record.reruns)
        for (const one of ahead.keys()) if (requestedOf(one) === step) ahead.delete(one);
    }
    if (record.kind !== 'step') continue;
    ahead.delete(record.step);
    const isKnown = held.includes(record.seq);
    if (isKnown && record.step === 'b') ahead.delete('b:s');
    if (!isKnown && record.run !== run) ahead.set(record.step, record);
  }
  for (const seq of adopted) {
    const record = [...ahead.values()].find((one) => one.seq === seq);
    if (record === undefined) continue;
    for (const one of ahead.values())
      if (one.seq <= seq && requestedOf(one.step) === requestedOf(record.step)) ahead.delete(one.step);
  }
  return [...new Map([...ahead.values()].map((record) => [requestedOf(record.step), record])).values()];
}

export function finding(
  of: string,
  cls: FindingClass,
  expected: Value,
  found: Value,
  answers: Answer[],
  reruns: Step[],
  more: { by?: Step } = {},
): Finding {
  return { of, cls, expected, found, answers, reruns, ...more };
}
