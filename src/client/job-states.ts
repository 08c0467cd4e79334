/** What a client asks of a job's states: those that were, and that the job go on from another. */
import type { Edit, EditPreview } from '../model/job/edit.ts';
import type { Rewind } from '../model/job/rewind.ts';
import type { ToldCheckpoints, ToldState } from '../model/job/checkpoint-answers.ts';
import type { EditAnswer, RewindAnswer } from '../workflows/messages.ts';
import { checkpointsOfJob, stateOfJob, type AskedState } from './job-checkpoints.ts';
import type { ServerCalls } from './server-calls.ts';
import { editJob, previewEdit, rewindJob } from './unasked-update.ts';

/** The part of a client that knows a job's checkpoints. */
export class JobStates {
  readonly #server: ServerCalls;

  /** Made by the client. */
  constructor(server: ServerCalls) {
    this.#server = server;
  }

  /**
   * The job's state now, or at a checkpoint, as its Workflow knows it: the latest 100 of its present Run, within 1 MiB.
   * `jobState` of `holdfast/changes` knows all, from the record. @throws HoldfastError `not-found`, `too-large`,
   * `bad-input`, `no-worker`, `server-unreachable`
   */
  async state(workflowId: string, asked: AskedState = {}): Promise<ToldState> {
    return await stateOfJob(this.#server, workflowId, asked);
  }

  /** The checkpoints that its Workflow knows, newest first. @throws HoldfastError `not-found`, `no-worker` */
  async checkpoints(workflowId: string): Promise<ToldCheckpoints> {
    return await checkpointsOfJob(this.#server, workflowId);
  }

  /** Takes a job back to one of its checkpoints, and the world with it. @throws HoldfastError as `decide` */
  async rewind(workflowId: string, given: Rewind): Promise<RewindAnswer> {
    return await rewindJob(this.#server, workflowId, given);
  }

  /** Puts in by hand what a step comes to: it counts as done. @throws HoldfastError as `decide` */
  async updateState(workflowId: string, given: Edit): Promise<EditAnswer> {
    return await editJob(this.#server, workflowId, given);
  }

  /** What that would do, as far as the job knows; changes nothing. @throws HoldfastError `bad-input`, `no-worker` */
  async previewUpdate(workflowId: string, given: Edit): Promise<EditPreview> {
    return await previewEdit(this.#server, workflowId, given);
  }
}
