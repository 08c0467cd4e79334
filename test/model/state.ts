/**
 * A state of the model: plain data, so that it can be copied, hashed and compared.
 *
 * The job is always the same. Step `a` writes two files and a row in each of two databases. Step `b` reads what `a`
 * wrote, draws a value with `ctx.once`, has a sub-step `b:s` that overwrites a row of `a`, and overwrites a file and
 * the other row. Everything that the protocol does to a resource stands in that job once.
 */
import { hash } from 'node:crypto';

export const RESOURCES = ['f', 'g', 'x', 'y'] as const;
/** `f` and `g` are files, `x` is a row of database `d1`, `y` one of `d2`. */
export type Resource = (typeof RESOURCES)[number];
export const DATABASES = ['d1', 'd2'] as const;
export type Database = (typeof DATABASES)[number];
/** What a resource holds; `-`: it is not there. Values of persons begin with `h`. */
export type Value = string;
export const ABSENT: Value = '-';

export const STEPS = ['a', 'b'] as const;
/** What a Workflow requests. */
export type Step = (typeof STEPS)[number];
/** Besides, the sub-step. */
export type StepId = Step | 'b:s';

export interface Effect {
  res: Resource;
  before: Value;
  after: Value;
}
export type Mark = { outcome: 'applied' | 'skipped' | 'overwrite'; after: Value };
export type Seen = [res: Resource, value: Value];

export interface Intent {
  /** Step and generation; of an undoing `~` and those of the step. */
  token: string;
  digest: string;
  step: StepId;
  gen: number;
  state: 'sealed' | 'applying';
  effects: Effect[];
  reads: Seen[];
  marks: (Mark | null)[];
  once: string;
  /** Of an undoing: the record that it undoes, and what it settles without touching it. */
  undoes?: { seq: number; settled: Change[] };
}

export type Role = 'written' | 'read' | 'accepted' | 'undone';
export type Change = [res: Resource, role: Role, value: Value];
export type StepRecord = {
  kind: 'step';
  run: number;
  step: StepId;
  gen: number;
  once: string;
  effects: (Effect & { outcome: 'applied' | 'skipped' })[];
  changes: Change[];
};
export type DecisionRecord = {
  kind: 'decision';
  run: number;
  answers: string[];
  reruns: [Step, number][];
  adopts: number[];
  changes: Change[];
};
export type UndoRecord =
  | { kind: 'undoing'; run: number; changes: Change[] }
  | { kind: 'undone'; run: number; step: StepId; gen: number; undoes: number; changes: Change[] };
export type ChainRecord = (StepRecord | DecisionRecord | UndoRecord) & { seq: number; head: string };

export interface Entry {
  value: Value;
  role: Role;
  seq: number;
  step?: StepId;
}
export interface Claim {
  nonce: number;
  state: 'open' | 'left-open' | 'compared' | 'closed' | 'done';
  draft: number;
  dropped: number;
}

export type FindingClass = 'discrepancy' | 'conflict' | 'ahead' | 'undo' | 'damaged' | 'stuck';
export type Answer = 'accept' | 'restore' | 'rerun' | 'skip' | 'overwrite' | 'undo' | 'keep' | 'recheck';
export interface Finding {
  /** A resource, `step:a` or `ledger`. */
  of: string;
  cls: FindingClass;
  expected: Value;
  found: Value;
  answers: Answer[];
  reruns: Step[];
  /** The step that the record has it from. */
  by?: Step;
}
export interface Question {
  id: number;
  findings: Finding[];
  /** Of the intent that waits for it; none: it is about the world. */
  token?: string;
}
export interface Repair {
  question: Question;
  answers: Answer[];
  reruns: [Step, number][];
  adopts: number[];
  isDone: boolean;
}

export interface Ledger {
  run: number;
  term: number;
  job: 'open' | 'undoing' | 'ended';
  /** The latest worker that a comparison covers. */
  covers: number;
  nonces: number;
  questions: number;
  claims: Record<string, Claim>;
  intents: Intent[];
  chain: ChainRecord[];
  manifest: Partial<Record<Resource, Entry>>;
  highest: Partial<Record<Step, number>>;
  open: Question[];
  repair: Repair | null;
  /** Token rows of repairs that are recorded. */
  decided: string[];
  /** Token, draft, what was read, value. */
  once: [string, number, string, string][];
  rulings: { token: string; res: Resource; answer: Answer; found: Value }[];
}

export interface Place {
  seq: number;
  head: string;
}
export interface Memory {
  term: number;
  known: Place;
  done: Step[];
  held: number[];
  gens: Partial<Record<Step, number>>;
}
export interface Workflow extends Memory {
  run: number;
  phase: 'running' | 'undoing' | 'ended';
  /** The world is to be compared before the step is requested again. */
  isDue: boolean;
  asked: Question | null;
  /** The decision whose answer was not heard of. */
  deciding: Answer[] | null;
  /** Of an undoing: what is left to request. */
  undo: { step: StepId; gen: number; seq: number; skip: number[] }[] | null;
  /** What it would remember if it were reset to before `a`, or `b`. */
  past: Partial<Record<Step, Memory>>;
}

/** An attempt that a request waits for no more, as its worker stands still; it goes on when it wakes. */
export interface Lost {
  step: Step;
  gen: number;
  run: number;
  term: number;
  known: Place;
  nonce: number;
  draft: number;
  reads: Seen[];
  once: string;
  /** Moved: the record as its host has it. */
  elsewhere: Ledger | null;
}

export interface State {
  world: Record<Resource, Value>;
  tokens: Record<Database, [token: string, digest: string][]>;
  fences: Record<Database, number>;
  ledger: Ledger;
  /** The ledger as it was after the first comparison. */
  backup: Ledger | null;
  /** Values of persons that were kept before they were replaced. */
  kept: Value[];
  workflow: Workflow;
  worker: number;
  lost: Lost | null;
  isLongSince: boolean;
  /** How often each thing from outside has happened: bounds what is explored. */
  spent: Record<Outside, number>;
  ghost: Ghost;
}
export type Outside = 'crash' | 'edit' | 'reset' | 'lose' | 'wait' | 'swap' | 'abort' | 'decide';

/** What nobody in the model can see: it is kept to say whether the guarantees hold. */
export interface Ghost {
  /** Was the world compared since what happened last that asks for it? */
  isCompared: boolean;
  /** How often each effect is in the world: token, resource, times. */
  applied: Record<string, number>;
  /** As the job, or a decision, left each resource or took note of it. */
  settled: Record<Resource, Value>;
  /** Drawn values, by token and what was read. */
  drawn: Record<string, string[]>;
  draws: number;
  answered: number[];
  isSwapped: boolean;
  /** Files of intents whose mark was due: token and resource. */
  marked: string[];
  /** What persons had changed when the world was compared last, and nobody was asked about. */
  passedOver: Resource[];
  /** All that persons have ever made of something. */
  made: string[];
  /** Put back by a person's decision, whoever had made it. */
  restored: Resource[];
  /** What shows what a person has made of it. */
  byPerson: Resource[];
  /** Put back by somebody before its mark was written: nobody can tell that from what is still to be made. */
  untold: Resource[];
  /** How often in a row a step asked for a comparison. */
  rounds: number;
}

export const NOWHERE: Place = { seq: 0, head: '' };

export function firstState(): State {
  const memory: Memory = { term: 0, known: NOWHERE, done: [], held: [], gens: {} };
  return {
    world: { f: ABSENT, g: ABSENT, x: ABSENT, y: ABSENT },
    tokens: { d1: [], d2: [] },
    fences: { d1: 0, d2: 0 },
    ledger: {
      run: -1,
      term: 0,
      job: 'open',
      covers: -1,
      nonces: 0,
      questions: 0,
      claims: {},
      intents: [],
      chain: [],
      manifest: {},
      highest: {},
      open: [],
      repair: null,
      decided: [],
      once: [],
      rulings: [],
    },
    backup: null,
    kept: [],
    workflow: { ...memory, run: 0, phase: 'running', isDue: false, asked: null, deciding: null, undo: null, past: {} },
    worker: 0,
    lost: null,
    isLongSince: false,
    spent: { crash: 0, edit: 0, reset: 0, lose: 0, wait: 0, swap: 0, abort: 0, decide: 0 },
    ghost: {
      isCompared: false,
      applied: {},
      settled: { f: ABSENT, g: ABSENT, x: ABSENT, y: ABSENT },
      drawn: {},
      draws: 0,
      answered: [],
      isSwapped: false,
      marked: [],
      passedOver: [],
      made: [],
      restored: [],
      byPerson: [],
      untold: [],
      rounds: 0,
    },
  };
}

export function copy<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

export function digest(value: unknown): string {
  return hash('sha1', JSON.stringify(value), 'base64').slice(0, 12);
}

export function databaseOf(res: Resource): Database | undefined {
  return res === 'x' ? 'd1' : res === 'y' ? 'd2' : undefined;
}

/** The step that a Workflow requests for it. */
export function requestedOf(step: StepId): Step {
  return step === 'b:s' ? 'b' : step;
}

export function tokenOf(step: StepId, gen: number): string {
  return `${step}${gen}`;
}
