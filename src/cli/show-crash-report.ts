/** A crash test's report for people: a table of points and outcomes, then each fault with its place and what to do. */
import type { CaseReport, CrashFault, CrashReport } from '../crash-test/report.ts';
import { timesText } from '../crash-test/difference.ts';
import { counted } from '../model/counted.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';

const MAX_NAMED = 5;
const OUTCOMES = ['same', 'asks', 'differs', 'stuck'] as const;

/** @param repeated the command that repeats a case */
export function showCrashReport(terminal: Terminal, report: CrashReport, repeated: (id: string) => string): string {
  const { counts, notCompared, seed, durationMs, faults, cases } = report;
  const missed = cases.filter((one) => one.missed === true).map(({ id }) => id);
  const open = cases.filter(({ outcome }) => outcome === 'asks' || outcome === 'stuck');
  const lines = [
    pointTable(cases),
    '',
    ...faults.flatMap((fault) => [...showFault(terminal, fault, repeated), '']),
    ...open.slice(0, MAX_NAMED).flatMap((one) => [...showOpen(terminal, one, repeated), '']),
    ...(open.length > MAX_NAMED
      ? [`… and ${open.length - MAX_NAMED} more that ask or did not end: --json has all.`, '']
      : []),
    ...(notCompared.length === 0
      ? []
      : [`Differs from run to run, so that it was only counted: ${notCompared.slice(0, MAX_NAMED).join(', ')}.`]),
    ...(missed.length === 0 ? [] : [`${counted(missed.length, 'run')} never came to the point: ${named(missed)}.`]),
    summary(terminal, report),
    `${counted(counts.cases, 'case')} in ${Math.round(durationMs / 1000)} s, seed ${seed}.`,
  ];
  return lines.join('\n');
}

function named(cases: readonly string[]): string {
  return `${cases.slice(0, MAX_NAMED).join(', ')}${cases.length > MAX_NAMED ? ', …' : ''}`;
}

function pointTable(cases: readonly CaseReport[]): string {
  const points = new Map<string, CaseReport[]>();
  for (const one of cases) {
    const name = one.how === 'kill' ? one.point : `${one.how} ${one.point}`;
    points.set(name, [...(points.get(name) ?? []), one]);
  }
  const rows = [...points].map(([name, ofPoint]) => {
    const numbers = OUTCOMES.map((outcome) => ofPoint.filter((one) => one.outcome === outcome).length);
    const steps = new Set(ofPoint.filter(({ outcome }) => outcome !== 'same').map(({ step }) => step));
    return [name, ofPoint.length, ...numbers, [...steps].join(', ')].map((cell) => (cell === 0 ? '·' : String(cell)));
  });
  return table(['point', 'cases', ...OUTCOMES, 'in step'], rows);
}

function showFault(terminal: Terminal, { difference, cases }: CrashFault, repeated: (id: string) => string): string[] {
  const { what, step, at, times, expected, found, advice } = difference;
  const title = times === undefined ? what : `${what}: ${timesText(times.found)}, not ${timesText(times.expected)}`;
  const place = [at, step === undefined ? undefined : `step ${step}`].filter((part) => part !== undefined).join(', ');
  return [
    `${terminal.style(['red', 'bold'], '✖')} ${terminal.style('bold', title)}`,
    ...(place === '' ? [] : [`  ${place}`]),
    ...(times === undefined ? [`  undisturbed  ${expected}`, `  killed       ${found}`] : []),
    `  ${advice}`,
    `  in ${counted(cases.length, 'case')}: ${named(cases)}`,
    `  again: ${repeated(cases[0]!)}`,
  ];
}

function showOpen(terminal: Terminal, one: CaseReport, repeated: (id: string) => string): string[] {
  const mark = one.outcome === 'asks' ? terminal.style('yellow', '?') : terminal.style('red', '✖');
  const next =
    one.outcome === 'asks' ? '  To go on from there: --answers FILE (docs/crash-test.md).' : '  It did not end.';
  return [`${mark} ${one.id}: ${one.text ?? one.outcome}`, next, `  again: ${repeated(one.id)}`];
}

function summary(terminal: Terminal, { ok, counts, faults }: CrashReport): string {
  if (ok) return terminal.style(['green', 'bold'], '✔ Killed at any of these points, the job comes to the same.');
  const parts = [
    counts.differs > 0 ? `${counted(counts.differs, 'case')} differ, by ${counted(faults.length, 'fault')}` : '',
    counts.asks > 0 ? `${counted(counts.asks, 'case')} ask a person` : '',
    counts.stuck > 0 ? `${counted(counts.stuck, 'case')} did not end` : '',
  ];
  return terminal.style(
    counts.differs + counts.stuck > 0 ? ['red', 'bold'] : ['yellow', 'bold'],
    `✖ ${parts.filter((part) => part !== '').join('; ')}.`,
  );
}
