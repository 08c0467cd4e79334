/** The parts of a job inside a Workflow, put together: each is built before those that look at it. */
import { log, workflowInfo, type CancellationScope } from '@temporalio/workflow';
import { jsonBytes, type Json } from '../../model/canonical-json.ts';
import type { CheckpointNote } from '../../model/checkpoint/note.ts';
import { defined } from '../../model/defined.ts';
import { DEFAULT_HEARTBEAT_TIMEOUT_MS } from '../../model/heartbeat-timeout.ts';
import { skipStep } from '../../model/step/built-in/skip.ts';
import { setHeartbeatTimeout } from '../activities.ts';
import { resumeArgument } from '../carried-argument.ts';
import { Gate } from '../gate/gate.ts';
import { Verification } from '../gate/verification.ts';
import type { OpenJobOptions } from '../guarded-job.ts';
import { isPatched } from '../patches.ts';
import { abortedBy } from '../state/aborted-by.ts';
import { DecidedFindings } from '../state/decided-findings.ts';
import { CheckpointNotes } from '../state/checkpoint-notes.ts';
import { Edits } from '../state/edits.ts';
import { Ending } from '../state/ending.ts';
import { Knowledge } from '../state/knowledge.ts';
import { OpenQuestions } from '../state/open-questions.ts';
import { Refusals } from '../state/refusals.ts';
import { RunningPlans } from '../state/running-plans.ts';
import { ResumedSteps } from '../state/resumed-steps.ts';
import { Rewinds } from '../state/rewinds.ts';
import { Results } from '../state/results.ts';
import { Resuming } from '../state/resuming.ts';
import { originOf, type JobIdentity, type RunOrigin } from '../state/run-origin.ts';
import { SearchAttributes } from '../state/search-attributes.ts';
import { StepBoard, type CarriedStep } from '../state/step-board.ts';
import { StepWindow } from '../state/step-window.ts';
import { WorkerWatch } from '../state/worker-watch.ts';
import type { Carried } from './continue-as-new.ts';
import { JobView } from './view.ts';

export interface JobParts {
  readonly origin: RunOrigin;
  readonly identity: JobIdentity;
  readonly board: StepBoard;
  readonly knowledge: Knowledge;
  readonly ending: Ending;
  readonly questions: OpenQuestions;
  readonly attributes: SearchAttributes;
  readonly refusals: Refusals;
  readonly rewinds: Rewinds;
  readonly edits: Edits;
  readonly decided: DecidedFindings;
  readonly watch: WorkerWatch;
  readonly resuming: Resuming;
  readonly verification: Verification;
  readonly checkpoints: CheckpointNotes;
  readonly gate: Gate;
  readonly view: JobView;
  readonly runningPlans: RunningPlans;
}

/** @param scope of the job's body */
export function makeJobParts(
  options: OpenJobOptions,
  carried: Carried | undefined,
  scope: CancellationScope,
): JobParts {
  const { heartbeatTimeoutMs = DEFAULT_HEARTBEAT_TIMEOUT_MS } = options;
  setHeartbeatTimeout(heartbeatTimeoutMs);
  const origin = originOf(options, carried);
  const { jobId, workspace } = origin;
  const identity = { jobId, workspace };
  const board = boardOf(carried);
  const knowledge = new Knowledge(origin.base, carried?.generations ?? {});
  const undoing = carried?.undoing;
  const ending = new Ending({
    isPrompt: () => isPatched('abort-ends-all-at-once'),
    ...defined({ carried: undoing && { undoing, failure: abortedBy(undoing) } }),
  });
  const attributes = new SearchAttributes();
  const results = new Results(jobId, (problem) => {
    log.warn(problem);
    refusals.add({}, [problem]);
  });
  const watch: WorkerWatch = new WorkerWatch(results, () => questions.show());
  const questions = new OpenQuestions({ ending, attributes, watch });
  const refusals: Refusals = new Refusals(() => questions.onChange(), carried?.refusals);
  const rewinds = new Rewinds();
  const edits = new Edits(carried?.edits);
  const decided = new DecidedFindings(carried?.decided);
  const requested = new Set<string>();
  const resumed = new ResumedSteps();
  const shared = { identity, board, knowledge, ending, questions, watch };
  const resuming = new Resuming({
    resume: resumeArgument(),
    identity,
    resumed: carried?.resumed,
    unfinished: carried?.resuming,
  });
  const verification = new Verification({ ...shared, origin, attributes, requested, resuming, scope });
  const checkpoints = new CheckpointNotes(carried?.checkpoints, startedAnewWith(options));
  resuming.onResumed = (resumed) => {
    checkpoints.adopt(resumed.checkpoints);
    showDone(board, resumed.steps);
    edits.adopt(resumed.putIns);
  };
  const gate = new Gate({
    ...shared,
    rewinds,
    verification,
    requested,
    resumed,
    window: new StepWindow(),
    results,
    checkpoints,
  });
  const runningPlans = new RunningPlans();
  const view = new JobView({
    ...shared,
    fork: carried?.fork?.from,
    name: options.name,
    refusals,
    resumed,
    verification,
    runningPlans,
  });
  const persons = { refusals, rewinds, edits, decided };
  return { ...shared, ...persons, origin, attributes, resuming, verification, checkpoints, gate, view, runningPlans };
}

/** Shows what earlier Runs have done. */
function boardOf(carried: Carried | undefined): StepBoard {
  const board = new StepBoard();
  for (const [stepId, { generation }] of Object.entries(carried?.results ?? {}))
    board.set(stepId, { generation, state: 'done' });
  showDone(board, carried?.steps ?? []);
  return board;
}

function showDone(board: StepBoard, steps: readonly CarriedStep[]): void {
  for (const [stepId, step, generation, effects] of steps)
    board.set(stepId, { step, generation, state: step === skipStep.name ? 'skipped' : 'done', effects });
}

/** Together with the input of a step it stays below the 2 MB that one payload may have. */
const MAX_STARTED_WITH_BYTES = 500_000;

/** What starts the job anew, for a store of checkpoints, where that is not too large. */
function startedAnewWith({ checkpoint, args }: OpenJobOptions): CheckpointNote['job'] {
  if (checkpoint === undefined || jsonBytes([...args] as Json) > MAX_STARTED_WITH_BYTES) return undefined;
  return { type: workflowInfo().workflowType, args: [...args] as Json[] };
}
