/** What people see of a job: the answer of its `status` Query and the Markdown in Temporal's UI. For people only. */
import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import type { RewindAnswer } from '../../model/job/rewind.ts';
import { MAX_STEPS_SHOWN, statusMarkdown, type StatusExtract } from '../../model/job/status-text.ts';
import type { StepItems } from '../../model/plan/run/plan-job.ts';
import { boundedQuestions } from '../../model/question/bounded-question.ts';
import type { ForkOrigin } from '../../model/record/record.ts';
import type { ItemsStatus, JobState, JobStatus, StepStatus } from '../../model/job/status.ts';
import type { Verification } from '../gate/verification.ts';
import type { Knowledge } from '../state/knowledge.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { RunningPlans } from '../state/running-plans.ts';
import type { Refusals } from '../state/refusals.ts';
import type { ResumedSteps } from '../state/resumed-steps.ts';
import type { JobIdentity } from '../state/run-origin.ts';
import type { StepBoard } from '../state/step-board.ts';
import type { WorkerWatch } from '../state/worker-watch.ts';

/** More would not fit into the answer of a Query. */
const MAX_STEPS_IN_STATUS = 5_000;

export interface JobViewOptions {
  readonly identity: JobIdentity;
  /** Where a fork comes from. */
  readonly fork: Pick<ForkOrigin, 'workflowId' | 'seq'> | undefined;
  /** Default: the Workflow's type. */
  readonly name: string | undefined;
  readonly board: StepBoard;
  readonly knowledge: Knowledge;
  readonly questions: OpenQuestions;
  readonly refusals: Refusals;
  readonly resumed: ResumedSteps;
  readonly verification: Verification;
  readonly watch: WorkerWatch;
  readonly runningPlans: RunningPlans;
}

export class JobView {
  readonly #options: JobViewOptions;
  /** Where the job is; a question or a comparison that is waited for is shown instead. */
  state: JobState = 'verifying';
  /** What was found and done when the job ended. */
  endingNotes: readonly string[] = [];
  /** Of a plan: how many steps it has. */
  planned: number | undefined;
  /** Of a job that had ended. */
  wentBack: RewindAnswer | undefined;
  /** By step: of a plan's `forEach` whose list is known, and of its `until`. */
  readonly items = new Map<string, StepItems>();

  constructor(options: JobViewOptions) {
    this.#options = options;
  }

  get status(): JobStatus {
    const { identity, board, knowledge, verification } = this.#options;
    return {
      schemaVersion: 1,
      jobId: identity.jobId,
      ...this.#extract(board.latest(MAX_STEPS_IN_STATUS)),
      term: knowledge.term,
      seq: knowledge.known.seq,
      verifications: verification.summary,
      ...defined({
        counts: board.counts.begun > MAX_STEPS_IN_STATUS ? board.counts : undefined,
        wentBack: this.wentBack,
      }),
    };
  }

  /**
   * The details are held by the worker, not in the history: they cost no event. They are made at every step, so of a
   * bounded number of steps.
   */
  refresh(): void {
    const { board } = this.#options;
    setCurrentDetails(statusMarkdown({ ...this.#extract(board.latest(MAX_STEPS_SHOWN)), counts: board.counts }));
  }

  #extract(steps: readonly StepStatus[]): StatusExtract {
    const { identity, fork, name, questions, refusals, watch, resumed, runningPlans } = this.#options;
    const { workflowId, workflowType } = workflowInfo();
    return {
      workflowId,
      name: name ?? workflowType,
      workspace: identity.workspace,
      state: this.#visibleState,
      steps: [...steps],
      questions: [...boundedQuestions(questions.all)],
      refusals: [...refusals.all],
      ...defined({ fork: fork && { workflowId: fork.workflowId, seq: fork.seq } }),
      ...defined({ planned: this.#plannedWithItems, waitsForWorker: watch.wait, resumed: resumed.all }),
      ...defined({ items: this.items.size === 0 ? undefined : [...this.items.values()].map(shownItems) }),
      ...defined({ subPlans: runningPlans.all.length === 0 ? undefined : [...runningPlans.all] }),
      ...defined({ ending: this.endingNotes.length === 0 ? undefined : [...this.endingNotes] }),
    };
  }

  /** Items that are steps of their own are begun and done like any others, and so are rounds. */
  get #plannedWithItems(): number | undefined {
    const apart = [...this.items.values()].filter(({ within }) => within !== 'activity');
    const more = ({ within, done, total }: StepItems): number => (within === 'rounds' ? done : total) - 1;
    const planned = this.planned && this.planned + this.#options.runningPlans.begun;
    return planned && apart.reduce((sum, one) => sum + more(one), planned);
  }

  get #visibleState(): JobState {
    const { questions, verification } = this.#options;
    const isUnderWay = this.state === 'running' || this.state === 'verifying' || this.state === 'undoing';
    if (!isUnderWay) return this.state;
    if (questions.all.length > 0) return 'waiting';
    return verification.isRunning ? 'verifying' : this.state;
  }
}

function shownItems({ stepId, within, done, total }: StepItems): ItemsStatus {
  // Within an activity nothing is heard before its end.
  const rounds = within === 'rounds' ? (true as const) : undefined;
  return { stepId, total, ...defined({ done: within === 'activity' && done < total ? undefined : done, rounds }) };
}
