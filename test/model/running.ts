/**
 * One operation of the protocol while it runs on a copy of a state: its moments, at which something may interrupt it,
 * and what it does to the world. Everything that it does is held against the guarantees at once.
 */
import { invariant } from '../../src/model/invariant.ts';
import type { FaultPoint } from '../../src/store/fault-point.ts';
import type { Rule, Rules } from './rules.ts';
import {
  ABSENT,
  databaseOf,
  digest,
  type Change,
  type ChainRecord,
  type Database,
  type Ledger,
  type Place,
  type Resource,
  type State,
  type Value,
} from './state.ts';

/** The fault points that the model has, too. */
export const MOMENTS = [
  'claim.after',
  'once.after',
  'user-code.after',
  'seal.after',
  'applying.before',
  'applying.after',
  'commit.database-after',
  'commit.file-renamed',
  'commit.effect-marked',
  'record.after',
  'term.fence-raised',
  'term.raised',
  'verify.compared',
  'verify.mark-after',
  'question.after',
  'repair.sealed-after',
  'repair.item-after',
  'repair.database-ready',
  'repair.record-before',
  'repair.record-after',
] as const satisfies readonly FaultPoint[];
export type Moment = (typeof MOMENTS)[number];

export type Act =
  | { readonly do: 'crash' }
  /** The attempt stands still and another is made; `move`: its whole host does, and the workspace was copied away. */
  | { readonly do: 'lose' | 'move' }
  | { readonly do: 'edit'; readonly res: Resource; readonly value: Value };

export interface Interruption {
  /** Which moment of the operation, from 0. */
  readonly at: number;
  readonly moment: Moment;
  readonly act: Act;
}

export interface MomentPassed {
  readonly moment: Moment;
  /** Databases with an open transaction: nobody else writes to them. */
  readonly locked: readonly Database[];
  readonly world: Readonly<Record<Resource, Value>>;
  /** May the attempt be left standing here? */
  readonly isInCode: boolean;
}

/** All processes of the host end. */
export class Crash extends Error {}
/** The attempt stands still; what it has staged is in the message of `Lost`. */
export class StandsStill extends Error {
  readonly isMoved: boolean;
  constructor(isMoved: boolean) {
    super();
    this.isMoved = isMoved;
  }
}

/** A guarantee does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly guarantee: string;
  constructor(guarantee: string, what: string) {
    super(`${guarantee}: ${what}`);
    this.guarantee = guarantee;
  }
}

export class Running {
  readonly state: State;
  readonly passed: MomentPassed[] = [];
  readonly open = new Set<Database>();
  /** Of a leftover of another host: its own ledger. */
  elsewhere: Ledger | undefined;
  /** A leftover of an earlier attempt acts. */
  isLeftover = false;
  isInCode = false;
  readonly #rules: Rules;
  readonly #interruption: Interruption | undefined;

  constructor(state: State, rules: Rules, interruption?: Interruption) {
    this.state = state;
    this.#rules = rules;
    this.#interruption = interruption;
  }

  get ledger(): Ledger {
    return this.elsewhere ?? this.state.ledger;
  }

  has(rule: Rule): boolean {
    return this.#rules[rule];
  }

  must(holds: boolean, guarantee: string, what: () => string): void {
    if (!holds) throw new Violation(guarantee, what());
  }

  moment(moment: Moment): void {
    if (this.isLeftover) return;
    const at = this.passed.length;
    this.passed.push({ moment, locked: [...this.open], world: { ...this.state.world }, isInCode: this.isInCode });
    const interruption = this.#interruption;
    if (interruption?.at !== at) return;
    invariant(interruption.moment === moment, `the operation passes ${moment}, not ${interruption.moment}`);
    const { act } = interruption;
    if (act.do === 'edit') edit(this.state, act.res, act.value);
    else if (act.do === 'crash') throw new Crash();
    else throw new StandsStill(act.do === 'move');
  }

  /** The job, or a decision, puts a resource to a value. `decided`: a person has said so for what is there. */
  put(res: Resource, value: Value, who: string): void {
    const { world, ghost, kept } = this.state;
    const old = world[res];
    this.must(!this.isLeftover, 'G1', () => `${who}, a leftover, changes ${res}`);
    if (old !== value) {
      this.must(
        old === ghost.settled[res] || ghost.untold.includes(res),
        'G4',
        () => `${who} replaces what a person made of ${res} (${old}), and nobody was asked`,
      );
      this.must(!isOfPerson(old) || kept.includes(old), 'G4', () => `${who} replaces ${res}, and ${old} is lost`);
    }
    world[res] = value;
    ghost.settled[res] = value;
    if (old !== value) ghost.byPerson = ghost.byPerson.filter((one) => one !== res);
    ghost.untold = ghost.untold.filter((one) => one !== res);
    ghost.passedOver = ghost.passedOver.filter((one) => one !== res);
  }

  /** What is found is kept: of a file as a blob, of a row in the record. */
  keep(value: Value): void {
    const { kept } = this.state;
    if (!this.has('capture') || !isOfPerson(value) || kept.includes(value)) return;
    kept.push(value);
    kept.sort();
  }

  /** An effect is made, or taken back. */
  count(token: string, res: Resource, by: 1 | -1): void {
    const { applied } = this.state.ghost;
    const key = `${token}:${res}`;
    const times = (applied[key] ?? 0) + by;
    this.must(times <= 1, 'G1', () => `${res} is changed by ${token} a second time`);
    if (times <= 0) delete applied[key];
    else applied[key] = times;
  }

  append(fields: Unplaced): ChainRecord {
    const { ledger } = this;
    const last = placeOf(ledger);
    const seq = last.seq + 1;
    const record = { ...fields, seq, head: digest([last.head, fields]) } as ChainRecord;
    ledger.chain.push(record);
    for (const change of fields.changes) fold(ledger, record, change);
    return record;
  }
}

type Unplaced = ChainRecord extends infer R ? (R extends unknown ? Omit<R, 'seq' | 'head'> : never) : never;

function fold({ manifest }: Ledger, record: ChainRecord, [res, role, value]: Change): void {
  if (role === 'read' && manifest[res] !== undefined) return;
  manifest[res] = {
    value,
    role,
    seq: record.seq,
    ...(record.kind === 'step' ? { step: record.step } : {}),
  };
}

export function placeOf({ chain }: Ledger): Place {
  const last = chain.at(-1);
  return last === undefined ? { seq: 0, head: '' } : { seq: last.seq, head: last.head };
}

/** Has the ledger what the Workflow knows? */
export function knows({ chain }: Ledger, { seq, head }: Place): boolean {
  return seq === 0 || chain[seq - 1]?.head === head;
}

/** A person, or another program, changes something. */
export function edit(state: State, res: Resource, value: Value): void {
  state.world[res] = value;
  const { ghost, ledger } = state;
  ghost.made.push(`${res}=${value}`);
  ghost.passedOver = ghost.passedOver.filter((one) => one !== res);
  if (!ghost.byPerson.includes(res)) ghost.byPerson = [...ghost.byPerson, res].sort();
  // Between the rename of a file and its mark nobody can tell who has put back what was there before.
  for (const { state: at, effects, token } of ledger.intents)
    for (const effect of effects)
      if (at === 'applying' && effect.res === res && databaseOf(res) === undefined)
        if (effect.before === value && !ghost.marked.includes(`${token}:${res}`)) {
          ghost.untold.push(res);
          delete ghost.applied[`${token}:${res}`];
        }
}

export function isOfPerson(value: Value): boolean {
  return value.startsWith('h');
}

/** Did somebody change it, and neither the job nor a decision has taken note of it? */
export function isUnseen({ world, ghost }: State, res: Resource): boolean {
  return world[res] !== ghost.settled[res];
}

export { ABSENT };
