/**
 * The real protocol, driven one operation of the model at a time: real files, real databases, a real ledger, no server.
 *
 * A crash is what a disk has at that very moment: the workspace is copied at the fault point and the job goes on in the
 * copy, while the process's attempt is cut off at its next fault point and left behind with its folder. Databases lie
 * beside the workspace: what was committed stays, an open transaction is rolled back.
 */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Json } from '../../src/model/canonical-json.ts';
import type { ChainPlace } from '../../src/model/job/chain-place.ts';
import { SeqRanges } from '../../src/model/job/seq-ranges.ts';
import type { JobSettings } from '../../src/model/job/settings.ts';
import type { Decision } from '../../src/model/question/decision.ts';
import { GENESIS } from '../../src/model/record/chain.ts';
import { jobIdOf } from '../../src/model/record/token.ts';
import { releaseProtocol } from '../../src/protocol/end/release.ts';
import type { Caller, ProtocolHost } from '../../src/protocol/host.ts';
import { repairProtocol } from '../../src/protocol/repair/repair.ts';
import { runStepProtocol } from '../../src/protocol/step/run-step.ts';
import { beginUndoProtocol } from '../../src/protocol/undo/begin-undo.ts';
import { undoStepProtocol } from '../../src/protocol/undo/undo-step.ts';
import { verifyWorldProtocol } from '../../src/protocol/verify/verify-world.ts';
import { Workspaces } from '../../src/protocol/workspace/workspaces.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { bootMoment } from '../../src/store/life/boot-clock.ts';
import { thisProcess } from '../../src/store/life/process-identity.ts';
import { Interrupted } from './interrupted.ts';
import { chosen, kindOfFailure } from './real-words.ts';
import type { Rows } from './real-rows.ts';
import { nextStep, type Operation } from './operations.ts';
import { firstMemory, FORGETFUL, worldIn, type WalkMemory } from './real-memory.ts';
import { stepsOfModel } from './real-steps.ts';
import { ABSENT, type Answer, type Resource, type Step, type Value } from './state.ts';

const MAX_REQUESTS = 20;
const LONG_MS = 11 * 60_000;

/** A job that a walk drives: the real code, in this process or in others. */
export interface WalkedJob {
  readonly jobId: string;
  /** The folder that holds it. */
  readonly workspace: string;
  /** Returns what came of it, in the model's words. */
  perform(operation: Operation): Promise<string>;
  world(): Promise<Record<Resource, Value>>;
  close(): Promise<void>;
}

/** In a process that is killed, and goes on where an earlier one was. */
export interface Resumed {
  readonly memory: WalkMemory;
  readonly die: (memory: WalkMemory) => never;
}

const SETTINGS: JobSettings = {
  databases: { d1: '${{ env.D1 }}', d2: '${{ env.D2 }}' },
  watch: [],
  verifyAfterMs: 10 * 60_000,
  plan: null,
};

export class RealJob implements WalkedJob {
  readonly memory: WalkMemory;
  readonly #rows: Rows;
  readonly #steps: ProtocolHost['steps'];
  readonly #die: Resumed['die'] | undefined;
  #workspaces: Workspaces;
  #lost: { readonly wake: () => void; readonly ended: Promise<string> } | undefined;
  readonly #left: Workspaces[] = [];

  constructor(rows: Rows, resumed?: Resumed) {
    this.#rows = rows;
    this.#die = resumed?.die;
    this.memory = resumed?.memory ?? firstMemory();
    this.#workspaces = new Workspaces(this.memory.folder, this.#env);
    this.#steps = stepsOfModel(this.memory);
  }

  get workspace(): string {
    return this.memory.folder;
  }

  get jobId(): string {
    return jobIdOf('model', 'run-0');
  }

  async world(): Promise<Record<Resource, Value>> {
    return await worldIn(this.workspace, this.#rows);
  }

  async perform(operation: Operation): Promise<string> {
    const interrupted = new Interrupted(this, 'at' in operation ? operation.at : undefined);
    setFaultHook(interrupted.hook);
    try {
      const result = await interrupted.until(this.#act(operation, interrupted));
      interrupted.mustBeOver();
      return result;
    } finally {
      setFaultHook(undefined);
    }
  }

  /** Requests the next step until it is done; another may do the same at once. At each point it waits its turn. */
  async untilDone(turn: (point: string) => void | Promise<void>): Promise<readonly string[]> {
    const results: string[] = [];
    const { workflow } = this.memory;
    const step = nextStep(workflow);
    setFaultHook(turn);
    while (nextStep(workflow) === step && results.length < MAX_REQUESTS) {
      const result = await this.#step(new Interrupted(this, undefined)).catch(kindOfFailure);
      results.push(result);
      if (result === 'verification-required') results.push(await this.#compare().catch(kindOfFailure));
    }
    return results;
  }

  async close(): Promise<void> {
    setFaultHook(undefined);
    for (const one of [this.#workspaces, ...this.#left]) await one.close();
    await this.#rows.close();
    if (this.#die === undefined) rmSync(dirname(this.workspace), { recursive: true, force: true });
  }

  async edit(res: Resource, value: Value): Promise<void> {
    if (res === 'x' || res === 'y') await this.#rows.write(res === 'x' ? 'd1' : 'd2', value);
    else if (value === ABSENT) rmSync(join(this.workspace, 'job', res));
    else writeFileSync(join(this.workspace, 'job', res), value);
  }

  /** The disk as it is now goes on elsewhere; whoever acts in the folder of until now is left behind. */
  copyAway(): void {
    const { memory } = this;
    const folder = join(dirname(memory.folder), `host-${memory.worker + 1}`);
    cpSync(memory.folder, folder, { recursive: true, preserveTimestamps: true });
    memory.folder = folder;
    this.#left.push(this.#workspaces);
    this.#workspaces = new Workspaces(folder, this.#env);
    memory.worker += 1;
  }

  crash(): void {
    this.#die?.(this.memory);
    this.copyAway();
  }

  async #act(operation: Operation, interrupted: Interrupted): Promise<string> {
    switch (operation.op) {
      case 'step':
        return await this.#step(interrupted);
      case 'compare':
        return await this.#compare();
      case 'decide':
        return await this.#decide(operation.answers);
      case 'decide again':
        return await this.#decideAgain(operation.answers);
      case 'begin undo':
        return await this.#beginUndo();
      case 'undo next':
        return await this.#undoNext();
      case 'release':
        return await this.#release();
      case 'crash':
        this.crash();
        this.#lost = undefined;
        return 'crash';
      case 'wake': {
        const { wake, ended } = this.#lost!;
        this.#lost = undefined;
        wake();
        return await ended;
      }
      case 'wait':
        this.memory.passedMs += LONG_MS;
        return 'waited';
      case 'swap':
        throw new Error('the walk of the real code does not swap ledgers');
      case 'abort':
        Object.assign(this.memory, { asked: undefined, undo: undefined, isUndoing: true });
        return 'aborted';
      case 'reset':
        return this.#reset(operation.to);
      case 'edit':
        await this.edit(operation.res, operation.value);
        return 'edited';
    }
  }

  async #step(interrupted: Interrupted): Promise<string> {
    const { workflow, past } = this.memory;
    const step = nextStep(workflow)!;
    const generation = workflow.gens[step] ?? 0;
    const { term, known } = workflow;
    const request = {
      ...this.#identity,
      term,
      known,
      stepId: step,
      step: `act-${step}`,
      generation,
      input: { gen: generation } as Json,
      uses: step === 'a' ? [] : ['a'],
    };
    const host = this.#host();
    const attempt = runStepProtocol(host, this.#workspaces, this.#caller(), request);
    const stood = interrupted.stood.then((wake): string => {
      const ended = attempt.then(
        ({ kind }) => kind,
        (error: unknown) => kindOfFailure(error),
      );
      this.#lost = { wake, ended };
      return 'stands still';
    });
    const result = await Promise.race([attempt, stood]);
    if (typeof result === 'string') return result;
    if (result.kind === 'done') {
      const { at } = result;
      if (workflow.held.includes(at.seq)) return result.kind;
      workflow.done.push(step);
      workflow.held.push(at.seq);
      this.#learn(at);
      past.a ??= structuredClone(FORGETFUL);
      if (step === 'a') past.b ??= structuredClone(workflow);
    } else if (result.kind === 'other-generation') workflow.gens[step] = result.generation;
    else if (result.kind === 'question' || result.kind === 'held') this.memory.asked = result.question;
    return result.kind;
  }

  async #compare(): Promise<string> {
    const { workflow } = this.memory;
    const next = nextStep(workflow);
    const request = { ...this.#verification, asking: next === undefined ? [] : [next] };
    const result = await verifyWorldProtocol(this.#host(), this.#workspaces, this.#caller(), request);
    workflow.term = result.term;
    if (result.kind === 'question') this.memory.asked = result.question;
    else this.#learn(result.at);
    return result.kind;
  }

  async #decide(answers: readonly Answer[]): Promise<string> {
    const { memory } = this;
    const { workflow, decided: former } = memory;
    const question = memory.asked!;
    const decision = { digest: question.digest, by: 'the model', reason: 'to see', ...chosen(answers, question) };
    // Whatever interrupts it comes after its seal.
    memory.decided = { decision, question };
    const result = await this.#repair(decision);
    if (result.kind === 'refused') throw new Error(`refused: ${result.problems.join('; ')}`);
    const isRepaired = result.kind === 'repaired';
    // What is not sealed nobody answers a second time.
    if (!isRepaired || answers[0] === 'recheck') memory.decided = former;
    Object.assign(memory, { asked: undefined, undo: undefined });
    if (!isRepaired) return 'moved';
    workflow.term = result.term;
    this.#learn(result.at);
    if (result.reruns.length > 0) workflow.held.push(result.decided ?? result.at.seq);
    for (const { stepId, generation } of result.reruns) {
      workflow.gens[stepId as Step] = generation;
      workflow.done = workflow.done.filter((one) => one !== stepId);
    }
    return result.kind;
  }

  async #decideAgain(answers: readonly Answer[]): Promise<string> {
    const { decision, question } = this.memory.decided!;
    return (await this.#repair({ ...decision, ...chosen(answers, question) })).kind;
  }

  async #repair(decision: Decision) {
    return await repairProtocol(this.#host(), this.#workspaces, this.#caller(), { ...this.#identity, decision });
  }

  async #beginUndo(): Promise<string> {
    const request = { ...this.#verification, by: 'the model', why: 'to see' };
    const result = await beginUndoProtocol(this.#host(), this.#workspaces, this.#caller(), request);
    this.memory.workflow.term = result.term;
    if (result.kind === 'question') {
      this.memory.asked = result.question;
      return result.kind;
    }
    this.#learn(result.at);
    this.memory.undo = [...result.items];
    return result.kind;
  }

  async #undoNext(): Promise<string> {
    const { memory } = this;
    const [item, ...left] = memory.undo!;
    const { term, known } = memory.workflow;
    const result = await undoStepProtocol(this.#host(), this.#workspaces, this.#caller(), {
      ...item!,
      ...this.#identity,
      term,
      known,
    });
    if (result.kind === 'undone') {
      memory.undo = left;
      this.#learn(result.at);
      return 'done';
    }
    if (result.kind === 'question') memory.asked = result.question;
    else memory.undo = undefined;
    return result.kind === 'question' ? 'question' : 'verification-required';
  }

  async #release(): Promise<string> {
    const outcome = this.memory.isUndoing ? 'aborted' : 'completed';
    const request = { ...this.#identity, outcome } as const;
    const { released, notes } = await releaseProtocol(this.#host(), this.#workspaces, this.#caller(), request);
    return released ? 'released' : `not released: ${notes.join('; ')}`;
  }

  #reset(to: Step): string {
    const { memory } = this;
    const workflow = structuredClone(memory.past[to]!);
    if (to === 'a') delete memory.past.b;
    Object.assign(memory, { workflow, asked: undefined, undo: undefined, isUndoing: false });
    memory.run += 1;
    return 'reset';
  }

  #learn(at: ChainPlace): void {
    const { workflow } = this.memory;
    if (at.seq > workflow.known.seq) workflow.known = at;
  }

  get #identity() {
    return { jobId: this.jobId, workspace: 'job' };
  }

  get #verification() {
    const { known, held } = this.memory.workflow;
    return {
      ...this.#identity,
      settings: SETTINGS,
      base: { seq: 0, head: GENESIS },
      known,
      holds: SeqRanges.of(held.toSorted((a, b) => a - b)).list,
      reason: 'asked' as const,
      detail: 'by the model',
    };
  }

  #host(): ProtocolHost {
    const { run, worker, folder } = this.memory;
    const runId = `run-${run}`;
    return {
      steps: this.#steps,
      env: this.#env,
      workspaceRoot: folder,
      worker: { id: `worker-${worker}`, identity: thisProcess() },
      clock: () => {
        const { bootId, bootMs } = bootMoment();
        return { bootId, bootMs: bootMs + this.memory.passedMs };
      },
      currentRunId: async () => await Promise.resolve(runId),
      isJobOpen: async () => await Promise.resolve(true),
      outagePatienceMs: 0,
      searchAttributes: false,
    };
  }

  get #env(): Record<string, string> {
    return { D1: this.#rows.urls.d1, D2: this.#rows.urls.d2 };
  }

  #caller(): Caller {
    return {
      workflowId: 'model',
      runId: `run-${this.memory.run}`,
      signal: new AbortController().signal,
      progress: () => undefined,
      log: () => undefined,
    };
  }
}
