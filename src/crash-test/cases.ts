/**
 * Which faults a job is tested with: all of a few, some of many. Pure.
 *
 * A point is named by the step in which it is passed, its own name, and which time that is: `charge/seal.after:2`.
 * Counted by step, the name is the same however parallel steps interleave.
 */
import { HoldfastError } from '../model/failure.ts';
import { seededRandom } from '../model/seeded-random.ts';
import { DURABLE_OPERATIONS } from '../store/fault-point.ts';
import type { Injection } from './injection.ts';
import { isOfNoStep } from './no-step.ts';

export interface Kill {
  readonly step: string;
  readonly point: string;
  /** Counted from 1, within its step. */
  readonly hit: number;
}

/** What is done to one run. */
export interface CrashCase {
  /** Unique in the test; `--points` takes it. */
  readonly id: string;
  readonly how: 'kill' | 'freeze' | 'answer-lost' | 'syscall' | 'io-error';
  /** One after the other, each in the next worker. */
  readonly kills: readonly Kill[];
  /** They may be met in any order. Default: false. */
  readonly inAnyOrder?: boolean;
  /** Of `syscall` and `io-error`. */
  readonly injection?: Injection;
}

export interface Choice {
  readonly points?: readonly string[] | undefined;
  readonly everyHit: boolean;
  readonly pairs: number;
  readonly freeze: boolean;
  readonly seed: number;
}

/** Point → how often it is passed in the undisturbed run, as `STEP/POINT`. */
export type Passed = ReadonlyMap<string, number>;

/** A request arrives, and its answer is lost. */
export const ANSWER_LOST = 'request.answer-lost';

/** What is named but system calls. @throws HoldfastError `bad-input` for what is no point and no pair */
export function namedPoints(given: readonly string[]): {
  readonly pairs: readonly CrashCase[];
  readonly patterns: readonly Pattern[];
} {
  return {
    pairs: given.filter(isPair).map(pairOf),
    patterns: given.filter((text) => !isPair(text) && !/^(syscall|io-error)@/.test(text)).map(patternOf),
  };
}

/** Between the kills of a pair: behind a point, each of which has a dot in it. A `+` elsewhere is a step's own. */
const PAIRED = /(?<=\/(?:[a-z-]+\.[a-z-]+|\*)(?::(?:\d+|\*))?)\+/;

function isPair(text: string): boolean {
  return PAIRED.test(text);
}

/** @throws HoldfastError `bad-input` for points that are never passed */
export function chooseCases(passed: Passed, choice: Choice): readonly CrashCase[] {
  const random = seededRandom(choice.seed);
  const { pairs: pairsNamed, patterns } = namedPoints(choice.points ?? []);
  const every = [...passed].flatMap(([name, count]) => range(count).map((hit) => ({ ...nameParts(name), hit })));
  refuseUnpassed([...patterns, ...pairsNamed.map(firstOf)], every, passed);
  const isNamed = choice.points !== undefined;
  const fitting = (isFrozen: boolean): readonly Kill[] =>
    every.filter((kill) => patterns.some((pattern) => pattern.isFrozen === isFrozen && fits(pattern, kill)));
  const kills = isNamed ? fitting(false) : choice.everyHit ? every : oneOfEach(every, random);
  const frozen = [...(choice.freeze ? kills : []), ...(isNamed ? fitting(true) : [])];
  const pairs = seededPairs(isNamed && kills.length > 0 ? kills : every, every, { count: choice.pairs, random });
  const cases = [...kills.map(caseOfKill), ...killable(frozen).map(frozenCase), ...pairsNamed, ...pairs];
  // Named twice it is one case.
  return [...new Map(cases.map((test) => [test.id, test])).values()];
}

function caseOfKill(kill: Kill): CrashCase {
  return { id: killId(kill), how: kill.point === ANSWER_LOST ? 'answer-lost' : 'kill', kills: [kill] };
}

function frozenCase(kill: Kill): CrashCase {
  return { id: `${FREEZE}${killId(kill)}`, how: 'freeze', kills: [kill] };
}

const FREEZE = 'freeze@';

function killable(kills: readonly Kill[]): readonly Kill[] {
  return kills.filter(({ point }) => point !== ANSWER_LOST);
}

export function killId({ step, point, hit }: Kill): string {
  return `${step}/${point}:${hit}`;
}

interface PairChoice {
  readonly count: number;
  readonly random: () => number;
}

/** For each pair that is wanted, so many are drawn at most: there may be fewer of them. */
const DRAWS = 20;

/**
 * Different ones, the second of each at a point that the job passes after the first: what the first worker has done for
 * good, the second does not pass again. How often a point of no step is passed is another number in the second worker.
 */
function seededPairs(
  firsts: readonly Kill[],
  every: readonly Kill[],
  { count, random }: PairChoice,
): readonly CrashCase[] {
  const first = killable(firsts);
  const later = killable(every).filter(({ step }) => !isOfNoStep(step));
  const pairs = new Map<string, CrashCase>();
  const passedBefore = new Map<string, number>();
  for (let at = 0, count = 0; at < every.length; at++) {
    if (later[count] === every[at]) count += 1;
    passedBefore.set(killId(every[at]!), count);
  }
  for (let draw = 0; first.length > 0 && draw < count * DRAWS && pairs.size < count; draw++) {
    const one = first[Math.floor(random() * first.length)]!;
    const begin = passedBefore.get(killId(one))!;
    const two = later[begin + Math.floor(random() * (later.length - begin))];
    if (two === undefined) continue;
    const pair = caseOfPair(one, two);
    pairs.set(pair.id, pair);
  }
  return [...pairs.values()];
}

function pairOf(text: string): CrashCase {
  const [first, second, ...more] = text.split(PAIRED);
  const kills = [first, second].map((part) => patternOf(part ?? ''));
  if (more.length > 0 || kills.some(({ step, point, isFrozen }) => step === '*' || point === '*' || isFrozen))
    throw new HoldfastError('bad-input', `--points ${text}: a pair is STEP/POINT:HIT+STEP/POINT:HIT, without *.`);
  const [one, two] = kills.map(({ step, point, hit }) => ({ step, point, hit: hit ?? 1 }));
  return caseOfPair(one!, two!);
}

/** The second may be passed by a second worker alone. */
function firstOf({ id, kills: [first] }: CrashCase): Pattern {
  return { ...first!, text: id, isFrozen: false };
}

function caseOfPair(first: Kill, second: Kill): CrashCase {
  return { id: `${killId(first)}+${killId(second)}`, how: 'kill', kills: [first, second] };
}

/**
 * Of each point of a step one hit. A durable operation (an fsync, a rename, …) is Holdfast's own business, whichever
 * step it is of: one hit of the whole job.
 */
function oneOfEach(kills: readonly Kill[], random: () => number): readonly Kill[] {
  const groups = new Map<string, Kill[]>();
  for (const kill of kills) {
    const name = DURABLE.test(kill.point) ? kill.point : `${kill.step}/${kill.point}`;
    groups.set(name, [...(groups.get(name) ?? []), kill]);
  }
  return [...groups.values()].map((group) => group[Math.floor(random() * group.length)]!);
}

const DURABLE = new RegExp(`^(${DURABLE_OPERATIONS.join('|')})\\.(before|after)$`);

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function nameParts(name: string): { readonly step: string; readonly point: string } {
  const at = name.lastIndexOf('/');
  return { step: name.slice(0, at), point: name.slice(at + 1) };
}

interface Pattern {
  readonly text: string;
  readonly step: string;
  readonly point: string;
  readonly hit: number | undefined;
  /** `freeze@…`: the worker is stopped there, and not killed. */
  readonly isFrozen: boolean;
}

/** `charge/seal.after:2`, `charge/*`, `seal.after`, … @throws HoldfastError `bad-input` */
function patternOf(text: string): Pattern {
  const isFrozen = text.startsWith(FREEZE);
  const [, name = '', hit = '*'] = /^(?:freeze@)?(.*?)(?::(\d+|\*))?$/.exec(text) ?? [];
  const { step, point } = name.includes('/') ? nameParts(name) : { step: '*', point: name };
  if (step === '' || !/^(\*|[a-z][a-z.-]*)$/.test(point))
    throw new HoldfastError(
      'bad-input',
      `--points ${text}: expected STEP/POINT:HIT, as the table of a crash test has them; * for any.`,
    );
  return { text, step, point, hit: hit === '*' ? undefined : Number(hit), isFrozen };
}

function fits({ step, point, hit }: Pattern, kill: Kill): boolean {
  return (
    (step === '*' || step === kill.step) &&
    (point === '*' || point === kill.point) &&
    (hit === undefined || hit === kill.hit)
  );
}

function refuseUnpassed(patterns: readonly Pattern[], kills: readonly Kill[], passed: Passed): void {
  const unknown = patterns.find((pattern) => !kills.some((kill) => fits(pattern, kill)));
  if (unknown === undefined) return;
  const near = [...passed.keys()].filter((name) => unknown.step === '*' || name.startsWith(`${unknown.step}/`));
  const listed = (near.length > 0 ? near : [...passed.keys()]).slice(0, 30).join(', ');
  throw new HoldfastError('bad-input', `The job never passes ${unknown.text}. It passes ${listed}.`, {
    nextStep: 'Name points that the job passes; without --points all of them are taken.',
  });
}
