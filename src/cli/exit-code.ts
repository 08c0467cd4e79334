/**
 * What the command line tells a script by its exit code. The table of docs/command-line.md and of `holdfast --help`.
 */
import type { FailureType } from '../model/failures.ts';

export const EXIT = {
  /** Done; for a job: completed, running or verified. */
  ok: 0,
  /** The job has failed, or what was asked could not be done. */
  failed: 1,
  /** The command line, a plan, an input or a decision is not right; nothing was changed. */
  badInput: 2,
  /** A person is asked. */
  waiting: 3,
  /** The world differs from the record. */
  differs: 4,
  /** No Temporal server or no worker answers. */
  unreachable: 5,
  /** The job is still running. */
  notEnded: 6,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANING: Readonly<Record<ExitCode, string>> = {
  0: 'done; nothing differs, nothing is wrong',
  1: 'the job has failed, or what was asked could not be done',
  2: 'the command, a plan, an input or a decision is not right; nothing was changed',
  3: 'a person is asked (status, question, result, start --wait)',
  4: 'the world differs from the record (verify)',
  5: "no Temporal server or no worker answers; no worker takes the job's work (status)",
  6: 'the job is still running (result), or moves once its step has ended (wake)',
  130: 'ended by Ctrl-C',
};

const BAD_INPUT: readonly FailureType[] = [
  'bad-input',
  'bad-plan',
  'not-found',
  'unknown-step',
  'decision-refused',
  'not-json',
  'too-large',
  'already-started',
  'outside-workspace',
  'missing-variable',
  'missing-key',
  'wrong-key',
];
const UNREACHABLE: readonly FailureType[] = ['server-unreachable', 'no-worker'];

export function exitCodeOf(type: FailureType): ExitCode {
  if (BAD_INPUT.includes(type)) return EXIT.badInput;
  return UNREACHABLE.includes(type) ? EXIT.unreachable : EXIT.failed;
}
