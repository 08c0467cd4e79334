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

/** @throws HoldfastError `bad-input` for points that are never passed */
export function chooseCases(passed: Passed, choice: Choice): readonly CrashCase[] {
  const random = seededRandom(choice.seed);
  const pairsNamed = (choice.points ?? []).filter((text) => text.includes('+'));
  const single = (choice.points ?? []).filter((text) => !/\+|^(syscall|io-error)@/.test(text));
  const named = choice.points === undefined ? undefined : single.map(patternOf);
  const every = [...passed].flatMap(([name, count]) => range(count).map((hit) => ({ ...nameParts(name), hit })));
  const kills = named !== undefined || choice.everyHit ? every : oneOfEach(every, random);
  const chosen = named === undefined ? kills : kills.filter((kill) => named.some((pattern) => fits(pattern, kill)));
  refuseUnpassed(named ?? [], every, passed);
  const cases = chosen.map((kill): CrashCase => {
    const how = kill.point === ANSWER_LOST ? 'answer-lost' : 'kill';
    return { id: killId(kill), how, kills: [kill] };
  });
  const frozen = choice.freeze
    ? killable(chosen).map((kill): CrashCase => ({ id: `freeze@${killId(kill)}`, how: 'freeze', kills: [kill] }))
    : [];
  return [...cases, ...frozen, ...pairsNamed.map(pairOf), ...seededPairs(killable(every), choice.pairs, random)];
}

function killable(kills: readonly Kill[]): readonly Kill[] {
  return kills.filter(({ point }) => point !== ANSWER_LOST);
}

export function killId({ step, point, hit }: Kill): string {
  return `${step}/${point}:${hit}`;
}

function seededPairs(kills: readonly Kill[], count: number, random: () => number): readonly CrashCase[] {
  if (kills.length === 0) return [];
  const pick = (): Kill => kills[Math.floor(random() * kills.length)]!;
  return Array.from({ length: count }, () => caseOfPair(pick(), pick()));
}

function pairOf(text: string): CrashCase {
  const [first, second, ...more] = text.split('+');
  const kills = [first, second].map((part) => patternOf(part ?? ''));
  if (more.length > 0 || kills.some(({ step, point }) => step === '*' || point === '*'))
    throw new HoldfastError('bad-input', `--points ${text}: a pair is STEP/POINT:HIT+STEP/POINT:HIT, without *.`);
  const [one, two] = kills.map(({ step, point, hit }) => ({ step, point, hit: hit ?? 1 }));
  return caseOfPair(one!, two!);
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
}

/** `charge/seal.after:2`, `charge/*`, `seal.after`, … @throws HoldfastError `bad-input` */
function patternOf(text: string): Pattern {
  const [, name = '', hit = '*'] = /^(?:freeze@)?(.*?)(?::(\d+|\*))?$/.exec(text) ?? [];
  const { step, point } = name.includes('/') ? nameParts(name) : { step: '*', point: name };
  if (step === '' || !/^(\*|[a-z][a-z.-]*)$/.test(point))
    throw new HoldfastError(
      'bad-input',
      `--points ${text}: expected STEP/POINT:HIT, as the table of a crash test has them; * for any.`,
    );
  return { text, step, point, hit: hit === '*' ? undefined : Number(hit) };
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
