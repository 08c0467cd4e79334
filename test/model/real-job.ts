/**
 * The real protocol, driven one operation of the model at a time: real files, real databases, a real ledger, no server.
 *
 * A crash is what a disk has at that very moment: the workspace is copied at the fault point and the job goes on in the
 * copy, while the process's attempt is cut off at its next fault point and left behind with its folder. Databases lie
 * beside the workspace: what was committed stays, an open transaction is rolled back.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../../src/model/canonical-json.ts';
import type { ChainPlace } from '../../src/model/job/chain-place.ts';
import { SeqRanges } from '../../src/model/job/seq-ranges.ts';
import type { JobSettings } from '../../src/model/job/settings.ts';
import type { UndoItem } from '../../src/model/job/undo.ts';
import type { Decision } from '../../src/model/question/decision.ts';
import type { Question } from '../../src/model/question/question.ts';
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
import { stepsOfModel } from './real-steps.ts';
import { ABSENT, type Answer, type Resource, type Step, type Value } from './state.ts';

interface Remembered {
  term: number;
  known: ChainPlace;
  held: number[];
  done: Step[];
  gens: Partial<Record<Step, number>>;
}

const MAX_REQUESTS = 20;
const LONG_MS = 11 * 60_000;
export class RealJob {
  readonly #root: string;
  readonly #rows: Rows;
  readonly #steps: ProtocolHost['steps'];
  readonly #settings: JobSettings;
  #folder: string;
  #workspaces: Workspaces;
  #worker = 0;
  #run = 0;
  #passedMs = 0;
  #memory: Remembered = { term: 0, known: { seq: 0, head: GENESIS }, held: [], done: [], gens: {} };
  readonly #past: Partial<Record<Step, Remembered>> = {};
  #asked: Question | undefined;
  #decision: Decision | undefined;
  #undo: UndoItem[] | undefined;
  #lost: { readonly wake: () => void; readonly ended: Promise<string> } | undefined;
  readonly #left: Workspaces[] = [];

  constructor(rows: Rows) {
    this.#root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-model-')));
    this.#rows = rows;
    this.#folder = this.#newFolder();
    mkdirSync(join(this.#folder, 'job'), { recursive: true });
    this.#settings = {
      databases: { d1: '${{ env.D1 }}', d2: '${{ env.D2 }}' },
      watch: [],
      verifyAfterMs: 10 * 60_000,
      plan: null,
    };
    this.#workspaces = new Workspaces(this.#folder, this.#env);
    this.#steps = stepsOfModel();
  }

  get workspace(): string {
    return this.#folder;
  }

  get jobId(): string {
    return jobIdOf('model', 'run-0');
  }

  get asked(): Question | undefined {
    return this.#asked;
  }

  async world(): Promise<Record<Resource, Value>> {
    return {
      f: this.#file('f'),
      g: this.#file('g'),
      x: await this.#rows.read('d1'),
      y: await this.#rows.read('d2'),
    };
  }

  /** Returns what came of it, in the model's words. */
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
    const step = nextStep(this.#memory);
    setFaultHook(turn);
    while (nextStep(this.#memory) === step && results.length < MAX_REQUESTS) {
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
    rmSync(this.#root, { recursive: true, force: true });
  }

  async edit(res: Resource, value: Value): Promise<void> {
    if (res === 'x' || res === 'y') await this.#rows.write(res === 'x' ? 'd1' : 'd2', value);
    else if (value === ABSENT) rmSync(this.#pathOf(res));
    else writeFileSync(this.#pathOf(res), value);
  }

  /** The disk as it is now goes on elsewhere; whoever acts in the folder of until now is left behind. */
  copyAway(): void {
    const folder = this.#newFolder();
    cpSync(this.#folder, folder, { recursive: true, preserveTimestamps: true });
    this.#folder = folder;
    this.#left.push(this.#workspaces);
    this.#workspaces = new Workspaces(this.#folder, this.#env);
    this.#worker += 1;
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
        return (await this.#repair({ ...this.#decision!, ...chosen(operation.answers, this.#askedLast!) })).kind;
      case 'begin undo':
        return await this.#beginUndo();
      case 'undo next':
        return await this.#undoNext();
      case 'release':
        return await this.#release();
      case 'crash':
        this.copyAway();
        this.#lost = undefined;
        return 'crash';
      case 'wake': {
        const { wake, ended } = this.#lost!;
        this.#lost = undefined;
        wake();
        return await ended;
      }
      case 'wait':
        this.#passedMs += LONG_MS;
        return 'waited';
      case 'swap':
        throw new Error('the walk of the real code does not swap ledgers');
      case 'abort':
        this.#asked = undefined;
        this.#undo = undefined;
        this.#isUndoing = true;
        return 'aborted';
      case 'reset':
        return this.#reset(operation.to);
      case 'edit':
        await this.edit(operation.res, operation.value);
        return 'edited';
    }
  }

  #isUndoing = false;
  #askedLast: Question | undefined;

  async #step(interrupted: Interrupted): Promise<string> {
    const step = nextStep(this.#memory)!;
    const generation = this.#memory.gens[step] ?? 0;
    const { term, known } = this.#memory;
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
      if (this.#memory.held.includes(at.seq)) return result.kind;
      this.#memory.done.push(step);
      this.#memory.held.push(at.seq);
      this.#learn(at);
      this.#past.a ??= { term: 0, known: { seq: 0, head: GENESIS }, held: [], done: [], gens: {} };
      if (step === 'a') this.#past.b ??= structuredClone(this.#memory);
    } else if (result.kind === 'other-generation') this.#memory.gens[step] = result.generation;
    else if (result.kind === 'question' || result.kind === 'held') this.#asked = result.question;
    return result.kind;
  }

  async #compare(): Promise<string> {
    const next = nextStep(this.#memory);
    const request = { ...this.#verification, asking: next === undefined ? [] : [next] };
    const result = await verifyWorldProtocol(this.#host(), this.#workspaces, this.#caller(), request);
    this.#memory.term = result.term;
    if (result.kind === 'question') this.#asked = result.question;
    else this.#learn(result.at);
    return result.kind;
  }

  async #decide(answers: readonly Answer[]): Promise<string> {
    this.#askedLast = this.#asked!;
    const { digest } = this.#asked!;
    const decision = { digest, by: 'the model', reason: 'to see', ...chosen(answers, this.#asked!) };
    // Whatever interrupts it, it has been sent, and may be sent again.
    if (answers[0] !== 'recheck') this.#decision = decision;
    const result = await this.#repair(decision);
    if (result.kind === 'refused') throw new Error(`refused: ${result.problems.join('; ')}`);
    this.#asked = undefined;
    this.#undo = undefined;
    if (result.kind !== 'repaired') return 'moved';
    this.#memory.term = result.term;
    this.#learn(result.at);
    for (const { stepId, generation } of result.reruns) {
      this.#memory.gens[stepId as Step] = generation;
      this.#memory.done = this.#memory.done.filter((one) => one !== stepId);
    }
    return result.kind;
  }

  async #repair(decision: Decision) {
    return await repairProtocol(this.#host(), this.#workspaces, this.#caller(), { ...this.#identity, decision });
  }

  async #beginUndo(): Promise<string> {
    const request = { ...this.#verification, by: 'the model', why: 'to see' };
    const result = await beginUndoProtocol(this.#host(), this.#workspaces, this.#caller(), request);
    this.#memory.term = result.term;
    if (result.kind === 'question') {
      this.#asked = result.question;
      return result.kind;
    }
    this.#learn(result.at);
    this.#undo = [...result.items];
    return result.kind;
  }

  async #undoNext(): Promise<string> {
    const [item, ...left] = this.#undo!;
    const { term, known } = this.#memory;
    const result = await undoStepProtocol(this.#host(), this.#workspaces, this.#caller(), {
      ...item!,
      ...this.#identity,
      term,
      known,
    });
    if (result.kind === 'undone') {
      this.#undo = left;
      this.#learn(result.at);
      return 'done';
    }
    if (result.kind === 'question') this.#asked = result.question;
    else this.#undo = undefined;
    return result.kind === 'question' ? 'question' : 'verification-required';
  }

  async #release(): Promise<string> {
    const outcome = this.#isUndoing ? 'aborted' : 'completed';
    const request = { ...this.#identity, outcome } as const;
    const { released, notes } = await releaseProtocol(this.#host(), this.#workspaces, this.#caller(), request);
    return released ? 'released' : `not released: ${notes.join('; ')}`;
  }

  #reset(to: Step): string {
    this.#memory = structuredClone(this.#past[to]!);
    if (to === 'a') delete this.#past.b;
    this.#run += 1;
    this.#asked = undefined;
    this.#undo = undefined;
    this.#isUndoing = false;
    return 'reset';
  }

  #learn(at: ChainPlace): void {
    if (at.seq > this.#memory.known.seq) this.#memory.known = at;
  }

  get #identity() {
    return { jobId: this.jobId, workspace: 'job' };
  }

  get #verification() {
    const { known, held } = this.#memory;
    return {
      ...this.#identity,
      settings: this.#settings,
      base: { seq: 0, head: GENESIS },
      known,
      holds: SeqRanges.of(held.toSorted((a, b) => a - b)).list,
      reason: 'asked' as const,
      detail: 'by the model',
    };
  }

  #host(): ProtocolHost {
    const runId = `run-${this.#run}`;
    return {
      steps: this.#steps,
      env: this.#env,
      workspaceRoot: this.#folder,
      worker: { id: `worker-${this.#worker}`, identity: thisProcess() },
      clock: () => {
        const { bootId, bootMs } = bootMoment();
        return { bootId, bootMs: bootMs + this.#passedMs };
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
      runId: `run-${this.#run}`,
      signal: new AbortController().signal,
      progress: () => undefined,
      log: () => undefined,
    };
  }

  #folders = 0;
  #newFolder(): string {
    this.#folders += 1;
    return join(this.#root, `host-${this.#folders}`);
  }

  #file(name: string): Value {
    try {
      return readFileSync(this.#pathOf(name), 'utf8');
    } catch {
      return ABSENT;
    }
  }

  #pathOf(name: string): string {
    return join(this.#folder, 'job', name);
  }
}
