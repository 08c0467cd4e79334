/**
 * Every `patched()` id of this project, in one place: why it is there, since when, and when it can go. A recorded
 * history in test/replay/histories holds each old behaviour; taking a guard away makes its replay fail.
 */
import { patched } from '@temporalio/workflow';

interface Patch {
  readonly why: string;
  readonly since: string;
  /** When the guard can be replaced by `deprecatePatch`, then removed. */
  readonly until: string;
}

export const PATCHES = {
  'ask-when-no-input-can-be-made': {
    why:
      "A plan's step that could not be given its input (a reference without a value), or whose output did " +
      "not fit the state, failed the job. Now a person is asked, as for every step that can't go on.",
    since: '0.1.0',
    until: 'No job that was started before 0.1.0 is running or will be reset to before its failure.',
  },
  'rerun-voids-what-was-asked-before': {
    why:
      'A step that waited while a person decided to run earlier steps again was asked once more with its ' +
      'old input before those had run. Now whatever was asked before is void, and is asked anew with what ' +
      'its input is by then.',
    since: '0.1.0',
    until: 'No job that was started before 0.1.0 is running or will be reset to before such a decision.',
  },
  'steps-in-a-window': {
    why:
      'All steps that could run were requested at once: beyond what the server takes in one message, or holds ' +
      'of pending Activities, the Workflow Task failed for ever. Now so many are requested as fit, in order.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset.',
  },
  'abort-ends-all-at-once': {
    why:
      'An abort as an answer let siblings and waits run on; an abort of either kind waited for a repair that could ' +
      'not be completed, let waiting decisions be carried out, was lost in a restart that waited, and did not end an ' +
      'undoing that an earlier Run had begun. Now it ends all of that at once.',
    since: '0.2.0',
    until: 'No job that was aborted before 0.2.0 is running or will be reset to before its abort.',
  },
  'a-cancellation-ends-a-pending-restart': {
    why: 'A job that was cancelled while it waited to start anew went on in its new Run.',
    since: '0.2.0',
    until: 'No job that was cancelled before 0.2.0 will be reset to before its cancellation.',
  },
  'a-cancellation-spares-the-release': {
    why: 'A cancellation that came while a job gave its workspace back left the workspace bound.',
    since: '0.2.0',
    until: 'No job that was cancelled before 0.2.0 will be reset to before its end.',
  },
  'nothing-is-decided-while-ending': {
    why: 'A decision that came while the job gave its workspace back was still carried out.',
    since: '0.2.0',
    until: 'No job that ended before 0.2.0 will be reset to before its end.',
  },
  'a-settled-question-stays-settled': {
    why: 'An answer that was on its way while its question was decided put the same question again.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset to before such a decision.',
  },
  'compare-after-every-answer': {
    why: 'After an approval, or another answer about one step, the world was not compared before the step went on.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset to before such an answer.',
  },
  'a-freed-workspace-is-noticed': {
    why: 'A job whose workspace another running job had waited for a person, also when that job had ended.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 waits for a workspace or will be reset to before it did.',
  },
  'a-shared-comparison-is-the-jobs': {
    why: 'Cancelling the scope of the step that had asked for a comparison failed the steps that shared it.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset to before such a cancellation.',
  },
  'wrong-options-are-refused': {
    why:
      'An option of openJob or job.step, or a field that agentJob was started with, of an unknown name was passed ' +
      'over, as was a keyword of a plan that nobody looks at; one of a wrong form failed an Activity for ever. Now ' +
      'the job fails at once and says which.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset.',
  },
  'a-pinned-job-moves-to-the-current-version': {
    why:
      'A job that is pinned to a version of its workers stayed there also in its new Runs. Now it goes on in a new ' +
      'Run on the version that is current, once it is woken.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 on a pinned version is running or will be reset.',
  },
  'what-no-worker-takes-is-told': {
    why:
      'A request that no worker took waited without a word. Now it ends after a limit, the job says so, and it is ' +
      'requested again. A worker that knows no limits would fail the job.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset.',
  },
  'parallel-writers-of-one-value-are-refused': {
    why:
      'Of two steps that ran at the same time and replaced the same key of the state, the one that stands later in ' +
      'the plan won, and the value of the other was lost without a word. Now such a plan is refused.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset.',
  },
  'state-of-a-mebibyte': {
    why: 'A state of more than 256 KiB was put to a person. Now it may have 1 MiB.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset to before such a question.',
  },
  'a-step-makes-one-promise': {
    why:
      "A step of a user's own Workflow took three turns from Temporal's answer to the code behind it, each with a " +
      'promise that the SDK takes a stack trace for. Now it takes one; where a step and something else end at once, ' +
      'what follows them may be requested in another order.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset.',
  },
  'results-left-out-are-recalled': {
    why:
      'A new Run requested each step anew whose result it was not given, at six events a step; once they were more ' +
      'than a Run did, the history grew on to the end that the server sets it. Now it reads them from the record in ' +
      "pages, a plan's Run, too, and new Runs go on being begun.",
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset.',
  },
  'only-a-workers-result-counts': {
    why:
      'What an operator had completed an Activity with was taken for the result of a worker: the job built on what ' +
      'its record does not have, or its Workflow Tasks failed for ever; one that was failed by hand failed the job. ' +
      'Now a result has a proof; without one it must come twice, and what has not its form is requested again.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset.',
  },
} as const satisfies Record<string, Patch>;

export type PatchId = keyof typeof PATCHES;

/** True where the new behaviour holds: on first execution, and in histories that recorded it. */
export function isPatched(id: PatchId): boolean {
  return patched(id);
}
