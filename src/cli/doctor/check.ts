/** One thing that `holdfast doctor` has looked at, and how all of them are shown. */
import { HoldfastError } from '../../model/failure.ts';
import { EXIT, type Outcome } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import { counted } from '../../model/counted.ts';
import type { Terminal } from '../terminal.ts';

export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'problem' | 'not-checked';
  readonly detail: string;
  readonly remedy?: string;
}

/** @throws what is no HoldfastError */
export function failed(name: string, error: unknown, remedy?: string): Check {
  if (!(error instanceof HoldfastError)) throw error;
  const own = error.details['nextStep'];
  return {
    name,
    state: 'problem',
    detail: error.message,
    remedy: remedy ?? (typeof own === 'string' ? own : error.nextStep),
  };
}

const MARKS: Readonly<Record<Check['state'], string>> = { ok: '✔', warning: '!', problem: '✖', 'not-checked': '-' };
const STYLES = { ok: 'green', warning: 'yellow', problem: 'red', 'not-checked': 'dim' } as const;

export function conclude(terminal: Terminal, checks: readonly Check[]): Outcome {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.flatMap(({ name, state, detail, remedy }) => [
    `${terminal.style(STYLES[state], MARKS[state])} ${name.padEnd(width)}  ${detail}`,
    ...(remedy === undefined ? [] : [`  ${' '.repeat(width)}  ${terminal.style('bold', 'Remedy:')} ${remedy}`]),
  ]);
  const problems = checks.filter(({ state }) => state === 'problem');
  const warnings = checks.filter(({ state }) => state === 'warning');
  lines.push('', [listed(problems, 'problem'), listed(warnings, 'warning')].join(' '));
  return { code: codeOf(problems), data: { ok: problems.length === 0, checks }, text: lines.join('\n') };
}

function listed(checks: readonly Check[], what: string): string {
  if (checks.length === 0) return `No ${what}s.`;
  return `${counted(checks.length, what)}: ${checks.map(({ name }) => name).join(', ')}.`;
}

function codeOf(problems: readonly Check[]): ExitCode {
  if (problems.length === 0) return EXIT.ok;
  return problems.some(({ name }) => name === 'server') ? EXIT.unreachable : EXIT.failed;
}
