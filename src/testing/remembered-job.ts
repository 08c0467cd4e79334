/** What a Workflow would remember of its job: term, place in the chain, generations. */
import { randomUUID } from 'node:crypto';
import { defined } from '../model/defined.ts';
import type { ChainPlace } from '../model/job/chain-place.ts';
import type { RepairResult } from '../model/job/repair.ts';
import type { StepDone } from '../model/job/run-step.ts';
import { GENESIS } from '../model/record/chain.ts';
import type { HistoryEntry } from '../protocol/host.ts';
import { jobIdOf } from '../model/record/token.ts';
import type { TestJobMemory, TestJobOptions } from './options.ts';

const BEGINNING: ChainPlace = { seq: 0, head: GENESIS };

export class RememberedJob {
  readonly workflowId: string;
  readonly firstRunId: string;
  readonly runId: string;
  readonly jobId: string;
  readonly base: ChainPlace;
  readonly continuedFrom: string | undefined;
  readonly steps: [string, number, number][];
  /** Numbers of decisions that made steps run again. */
  readonly decisions: number[];
  readonly #generations: Map<string, number>;
  term: number;
  /** What was asked and answered, as a server would have it. */
  readonly history: HistoryEntry[] = [];
  #known: ChainPlace;

  constructor({ resume, runId }: Pick<TestJobOptions, 'resume' | 'runId'>) {
    this.workflowId = resume?.workflowId ?? `test-${randomUUID()}`;
    this.firstRunId = resume?.firstRunId ?? randomUUID();
    this.runId = runId ?? resume?.runId ?? this.firstRunId;
    this.jobId = jobIdOf(this.workflowId, this.firstRunId);
    this.term = resume?.term ?? 0;
    this.#known = resume?.known ?? BEGINNING;
    this.base = resume?.base ?? BEGINNING;
    this.continuedFrom = resume?.continuedFrom;
    this.steps = (resume?.steps ?? []).map(([stepId, generation, seq]) => [stepId, generation, seq]);
    this.decisions = [...(resume?.decisions ?? [])];
    this.#generations = new Map(Object.entries(resume?.generations ?? {}));
  }

  get known(): ChainPlace {
    return this.#known;
  }

  advance(at: ChainPlace): void {
    if (at.seq > this.#known.seq) this.#known = at;
  }

  noteDone({ at, stepId, generation }: StepDone): void {
    this.advance(at);
    this.steps.push([stepId, generation, at.seq]);
  }

  generationOf(stepId: string): number {
    return this.#generations.get(stepId) ?? 0;
  }

  setGeneration(stepId: string, generation: number): void {
    this.#generations.set(stepId, generation);
  }

  async noting<R>(activity: string, request: unknown, act: () => Promise<R>): Promise<R> {
    const at = new Date().toISOString();
    const place = this.history.push({ activity, request, at }) - 1;
    const result = await act();
    this.history[place] = { activity, request, result, attempts: 1, at };
    return result;
  }

  /** Returns the steps that run again. */
  noteRepaired({
    term,
    at,
    decided = at.seq,
    reruns,
    rebuilt,
  }: Extract<RepairResult, { kind: 'repaired' }>): readonly string[] {
    this.term = term;
    if (rebuilt === true) this.#known = at;
    else this.advance(at);
    if (rebuilt === true || reruns.length > 0) this.decisions.push(decided);
    for (const { stepId, generation } of reruns) this.setGeneration(stepId, generation);
    return reruns.map(({ stepId }) => stepId);
  }

  get memory(): TestJobMemory {
    const { workflowId, firstRunId, runId, term, known, steps, decisions, base, continuedFrom } = this;
    const generations = Object.fromEntries(this.#generations);
    const whole = { workflowId, firstRunId, runId, term, known, steps, decisions, generations, base };
    return { ...whole, ...defined({ continuedFrom }) };
  }
}
