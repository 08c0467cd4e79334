/**
 * Runs the cases, several at once, and says what came of each.
 *
 * Invariant: whatever is not the same is told of a run that had one case alone.
 */
import { availableParallelism } from 'node:os';
import type { CrashCase } from './cases.ts';
import { compareRun } from './compare.ts';
import type { Run } from './ran.ts';
import type { Reference } from './reference.ts';
import type { CaseOutcome, CaseReport } from './report.ts';
import { runOnce } from './run.ts';
import type { Session } from './session.ts';
import { togetherInRuns } from './together.ts';
import { isMet } from './traces.ts';

/** Of a disturbed run. */
const LEAST_LIMIT_MS = 180_000;
const TIMES = 20;

/** Runs besides one a core: each waits for its server and its successors for a third of its time. */
const WHILE_OTHERS_WAIT = 2;

interface Tested {
  readonly session: Session;
  readonly reference: Reference;
}

/** In the order of the cases. Ended early: those that are done. */
export async function runCases(
  session: Session,
  reference: Reference,
  cases: readonly CrashCase[],
): Promise<readonly CaseReport[]> {
  const { atOnce = availableParallelism() + WHILE_OTHERS_WAIT, onProgress, signal } = session.options;
  const reports = new Map<string, CaseReport>();
  const tested = { session, reference };
  const isOver = (): boolean => signal?.aborted === true;
  const done = (report: CaseReport): void => {
    // What was cut short says nothing.
    if (isOver()) return;
    reports.set(report.id, report);
    onProgress?.({ done: reports.size, total: cases.length, text: `${report.id} ${report.outcome}` });
  };
  // The longest first: at the end nobody waits for one.
  const runs = togetherInRuns(cases).toSorted((a, b) => b.length - a.length);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < runs.length && !isOver(); at = next++) {
      const id = `run-${at + 1}`;
      const alone = runs[at]!.length === 1 ? runs[at]! : await runTogether(tested, runs[at]!, { id, done });
      for (const [index, test] of alone.entries()) if (!isOver()) done(await runAlone(tested, test, `${id}-${index}`));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, runs.length) }, lane));
  return cases.flatMap(({ id }) => reports.get(id) ?? []);
}

interface Shared {
  readonly id: string;
  readonly done: (report: CaseReport) => void;
}

/** One run with several kills. @returns the cases that it says nothing of */
async function runTogether(
  { session, reference }: Tested,
  cases: readonly CrashCase[],
  { id, done }: Shared,
): Promise<readonly CrashCase[]> {
  const kills = cases.flatMap((test) => test.kills);
  const test: CrashCase = { id, how: 'kill', kills, inAnyOrder: true };
  const run = await runOnce(session, { id, test, limitMs: limitOf(reference) });
  if (outcomeOf(run, differencesOf(reference, run).length) !== 'same') return cases;
  const met = cases.filter(({ kills: [kill] }) => isMet(kill!, run.traces));
  for (const {
    id: name,
    kills: [kill],
  } of met) {
    const { step, point } = kill!;
    const durationMs = Math.round(run.durationMs / cases.length);
    done({ id: name, how: 'kill', step, point, outcome: 'same', differences: [], durationMs });
  }
  return cases.filter((one) => !met.includes(one));
}

function limitOf({ run }: Reference): number {
  return Math.max(LEAST_LIMIT_MS, run.durationMs * TIMES);
}

function differencesOf(reference: Reference, run: Run) {
  return run.end.kind === 'ended' ? compareRun(reference, run) : [];
}

/** One run of one case. */
async function runAlone({ session, reference }: Tested, test: CrashCase, id: string): Promise<CaseReport> {
  const run = await runOnce(session, { id, test, limitMs: limitOf(reference) });
  const differences = differencesOf(reference, run);
  const [first] = test.kills;
  const text = textOf(run);
  const met =
    run.traces.filter(({ kind }) => kind === 'fault').length + (run.wasCut ? 1 : 0) + (run.wasInjected ? 1 : 0);
  return {
    id: test.id,
    how: test.how,
    step: first?.step ?? '',
    point: first?.point ?? test.injection?.call ?? '',
    outcome: outcomeOf(run, differences.length),
    ...(met < Math.max(1, test.kills.length) ? { missed: true } : {}),
    differences: [...differences],
    ...(text === undefined ? {} : { text }),
    durationMs: run.durationMs,
  };
}

function outcomeOf({ end }: Run, differences: number): CaseOutcome {
  if (end.kind === 'asks') return 'asks';
  if (end.kind !== 'ended') return 'stuck';
  return differences === 0 ? 'same' : 'differs';
}

function textOf({ end }: Run): string | undefined {
  if (end.kind === 'ended') return undefined;
  if (end.kind !== 'asks') return end.text;
  const { kind, findings } = end.question;
  return `${kind}: ${findings.map(({ resource, found }) => `${resource} (${found.text.slice(0, 200)})`).join('; ')}`;
}
