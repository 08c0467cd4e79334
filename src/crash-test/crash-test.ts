/**
 * The crash test: the job undisturbed, then again and again with a fault at each point that it passes; each time in a
 * fresh world, compared with the undisturbed one.
 */
import { randomInt } from 'node:crypto';
import { HoldfastError } from '../model/failure.ts';
import { isSafeMethod } from '../model/step/http-request.ts';
import { refuseUnknownOptions } from '../model/options.ts';
import { seededRandom } from '../model/seeded-random.ts';
import { ANSWER_LOST, chooseCases, namedPoints, type CrashCase, type Passed } from './cases.ts';
import { faultKey } from './difference.ts';
import { CRASH_TEST_OPTIONS, type CrashTestOptions } from './options.ts';
import { referenceOf } from './reference.ts';
import type { CaseOutcome, CaseReport, CrashFault, CrashReport } from './report.ts';
import type { Run } from './ran.ts';
import { runOnce } from './run.ts';
import { runCases } from './run-cases.ts';
import { openSession, type Session } from './session.ts';
import { refuseUnanswered } from './stand-in.ts';
import type { Subject } from './subject.ts';
import { chooseInjections, mustHaveStrace, namedInjection } from './syscalls.ts';

const MAX_SEED = 1_000_000;

/**
 * Tests a job of yours: kills its worker at every point that the job passes, lets another go on, and compares what the
 * job left with what it leaves undisturbed. Needs no server: one is started.
 * @throws HoldfastError `bad-plan`, `bad-input` (also: what the job needs that can't be repeated, and how to stub it),
 *   `busy` (its workspace is in use), `server-unreachable`; the signal's reason, where that ends it before any case
 */
export async function crashTest(options: CrashTestOptions): Promise<CrashReport> {
  refuseUnknownOptions('crashTest', options, CRASH_TEST_OPTIONS);
  const startedMs = performance.now();
  const seed = options.seed ?? randomInt(1, MAX_SEED);
  // What is wrong with them is told before anything is started.
  namedPoints(options.points ?? []);
  for (const text of options.points ?? []) namedInjection(text);
  if (options.syscalls === true) mustHaveStrace('syscalls');
  if (options.ioErrors === true) mustHaveStrace('ioErrors');
  await using session = await openSession(options);
  const undisturbed = async (id: string): Promise<Run> => {
    options.signal?.throwIfAborted();
    const run = await runOnce(session, { id });
    options.signal?.throwIfAborted();
    mustBeRepeatable(run, session.subject);
    return run;
  };
  // One after the other: what a clock tells is then another time.
  const runs = [await undisturbed('undisturbed'), await undisturbed('again')] as const;
  const reference = referenceOf(...runs);
  const { points, everyHit = false, pairs = 0, freeze = false } = options;
  const passed = passedIn(runs[0]);
  const cases = [
    ...chooseCases(passed, { points, everyHit, pairs, freeze, seed }),
    ...(await injections(session, seed)),
  ];
  const reports = await runCases(session, reference, cases);
  const { traces, durationMs, end } = runs[0];
  return {
    schemaVersion: 1,
    name: session.subject.name,
    ok: reports.every(({ outcome }) => outcome === 'same'),
    seed,
    undisturbed: {
      outcome: end.kind === 'ended' ? end.outcome : end.kind,
      steps: new Set(traces.flatMap((trace) => (trace.kind === 'point' && isOfStep(trace) ? [trace.step] : []))).size,
      points: [...passed.values()].reduce((sum, count) => sum + count, 0),
      durationMs,
    },
    notCompared: [...reference.notes],
    counts: countsOf(reports),
    faults: [...faultsOf(reports)],
    cases: [...reports],
    durationMs: Math.round(performance.now() - startedMs),
  };
}

/** Those that are named, or chosen of what a run does that strace counts. */
async function injections(session: Session, seed: number): Promise<readonly CrashCase[]> {
  const { points, syscalls = false, ioErrors = false } = session.options;
  const named = (points ?? []).flatMap((text) => namedInjection(text) ?? []);
  if (!syscalls && !ioErrors) return named;
  const { calls } = await runOnce(session, { id: 'counted', isCounted: true });
  const choice = { kills: syscalls, errors: ioErrors, random: seededRandom(seed) };
  return [...named, ...chooseInjections(calls, choice)];
}

/** @throws HoldfastError `bad-input`: what to stub, and how */
function mustBeRepeatable({ end, unanswered }: Run, { plan }: Subject): void {
  refuseUnanswered(unanswered);
  if (end.kind === 'asks') {
    const { kind, stepId, findings } = end.question;
    const step = stepId ?? findings[0]?.recordedBy?.stepId;
    const [answer = 'accept'] = findings[0]?.answers ?? [];
    const rule = JSON.stringify([{ ...(step === undefined ? {} : { step }), kind, answer }]);
    throw new HoldfastError(
      'bad-input',
      `Undisturbed, the job asks a person: ${kind}${step === undefined ? '' : ` of step ${step}`}, ` +
        `${findings.map(({ resource, found }) => `${resource} (${found.text.slice(0, 200)})`).join('; ')}.`,
      { nextStep: `Say what is to be answered: write ${rule} to answers.json and give --answers answers.json.` },
    );
  }
  if (end.kind !== 'ended')
    throw new HoldfastError('bad-input', `Undisturbed, the job does not end: ${end.text}`, {
      nextStep:
        plan === undefined
          ? 'Its name must be that of a function that the module of --workflows exports, and it must end by itself. ' +
            'A longer run: --limit SECONDS.'
          : 'Let it end by itself first: holdfast start. A longer run: --limit SECONDS.',
    });
  if (end.outcome !== 'completed')
    throw new HoldfastError('bad-input', `Undisturbed, the job ends as ${end.outcome}: ${end.message ?? ''}`, {
      nextStep: 'Correct what its message says; what a run needs (files, rows, services) is made by --set-up FILE.',
    });
}

/** Every step's code, a built-in one's too, stands between two points. */
function isOfStep({ point }: { readonly point: string }): boolean {
  return point === 'user-code.before';
}

function passedIn({ traces, arrived }: Run): Passed {
  const passed = new Map<string, number>();
  const count = (name: string): void => void passed.set(name, (passed.get(name) ?? 0) + 1);
  for (const trace of traces) if (trace.kind === 'point') count(`${trace.step}/${trace.point}`);
  for (const { step, method } of arrived) if (!isSafeMethod(method)) count(`${step}/${ANSWER_LOST}`);
  return passed;
}

function countsOf(reports: readonly CaseReport[]): CrashReport['counts'] {
  const count = (outcome: CaseOutcome): number => reports.filter((report) => report.outcome === outcome).length;
  return {
    cases: reports.length,
    same: count('same'),
    asks: count('asks'),
    differs: count('differs'),
    stuck: count('stuck'),
  };
}

/** The same fault of several cases is one; the ones that name their cause come first. */
function faultsOf(reports: readonly CaseReport[]): readonly CrashFault[] {
  const faults = new Map<string, CrashFault>();
  for (const { id, differences } of reports)
    for (const difference of differences) {
      const key = faultKey(difference);
      const known = faults.get(key);
      if (known === undefined) faults.set(key, { difference, cases: [id] });
      else if (!known.cases.includes(id)) faults.set(key, { ...known, cases: [...known.cases, id] });
    }
  return [...faults.values()].toSorted((a, b) => RANK.indexOf(a.difference.kind) - RANK.indexOf(b.difference.kind));
}

const RANK = ['effect', 'request', 'unsteady', 'file', 'rows', 'result', 'end'];
