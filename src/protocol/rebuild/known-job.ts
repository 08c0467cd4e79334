/**
 * What Temporal's history tells of a job, Run by Run: which steps are done, with what they were given and returned, its
 * checkpoints, the generations that decisions have issued, and which steps may have begun.
 *
 * What it does not tell: what a step changed, called and read, and anything of sub-steps. Nothing here guesses it.
 */
import { isWhole, type CheckpointNote } from '../../model/checkpoint/note.ts';
import { defined } from '../../model/defined.ts';
import { sha256Hex, type Digest } from '../../model/digest.ts';
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { RepairResultSchema } from '../../model/job/repair.ts';
import { isObject, isProved, provedRequest, withoutProof } from '../../model/job/result-proof.ts';
import { RunStepRequestSchema, RunStepResultSchema, type RunStepRequest } from '../../model/job/run-step.ts';
import { VerifyWorldRequestSchema, VerifyWorldResultSchema } from '../../model/job/verify-world.ts';
import { tokenOf } from '../../model/record/token.ts';
import type { HistoryEntry, ProtocolHost, RunHistory } from '../host.ts';

/** A step that the history says is done. */
export interface KnownStep {
  readonly kind: 'step';
  readonly stepId: string;
  readonly step: string;
  readonly generation: number;
  readonly token: Digest;
  readonly args: Digest;
  /** What `args` is the digest of, where a compensation may need it. */
  readonly argsText: string | undefined;
  readonly input: Json;
  readonly uses: readonly string[] | null;
  readonly output: Json;
  /** Its place in the chain that was lost. */
  readonly place: ChainPlace;
  readonly at: string;
}

interface KnownCheckpoint {
  readonly kind: 'checkpoint';
  readonly note: CheckpointNote;
  readonly seq: number;
  readonly at: string;
}

export type Known = KnownStep | KnownCheckpoint;

/** One that was requested and is not known to be done. */
export interface BegunStep {
  readonly stepId: string;
  readonly generation: number;
}

export interface KnownJob {
  /** In the order of the chain that was lost; of a step its latest generation. */
  readonly known: readonly Known[];
  /** The highest generation of each step that was ever issued or requested. */
  readonly generations: ReadonlyMap<string, number>;
  readonly begun: readonly BegunStep[];
  readonly isUndoing: boolean;
  /** Why not all of it is known. Undefined: it is. */
  readonly missing?: string;
  /** The record was made anew before: what was answered earlier is of another chain. */
  readonly wasRebuilt: boolean;
}

export interface HistorySource {
  readonly host: Pick<ProtocolHost, 'history' | 'steps'>;
  readonly workflowId: string;
  readonly runId: string;
  readonly jobId: string;
}

interface Untold {
  readonly seq: number;
  readonly whose: string;
}

/** Answers of a first attempt that began nothing. */
const BEGAN_NOTHING: ReadonlySet<string> = new Set(['verification-required', 'other-generation', 'held']);

/**
 * @param from what is known already: of Runs that began behind it nothing is asked
 * @throws HoldfastError `server-unreachable`; `not-found` where the server does not have a Run that is needed
 */
export async function knownJob({ host, workflowId, runId, jobId }: HistorySource, from: ChainPlace): Promise<KnownJob> {
  if (host.history === undefined)
    throw new HoldfastError('not-found', 'There is no server here that could tell what the job has done since.');
  const runs: RunReading[] = [];
  let next: string | undefined = runId;
  while (next !== undefined) {
    const reading = new RunReading(jobId, host.steps);
    let run: RunHistory;
    try {
      run = await host.history(workflowId, next, (entry) => reading.read(entry));
    } catch (error) {
      // What of it was read is worth nothing without the rest.
      if (!isFailure(error, 'not-found') || runs.length === 0) throw error;
      return { ...together(runs), missing: error.message };
    }
    runs.unshift(reading);
    next =
      reading.base !== undefined && reading.base.seq > 0 && reading.base.seq <= from.seq
        ? undefined
        : run.continuedFrom;
  }
  const untold = runs[0]!.untold;
  if (untold.seq <= from.seq) return together(runs);
  return { ...together(runs), missing: `records up to ${untold.seq} are ${untold.whose}, in no history of this job` };
}

function together(runs: readonly RunReading[]): KnownJob {
  const generations = new Map<string, number>();
  const done = new Map<string, number>();
  for (const run of runs) for (const [stepId, generation] of run.generations) raise(generations, stepId, generation);
  const known = runs.flatMap((run) => run.known());
  for (const one of known) if (one.kind === 'step') raise(done, one.stepId, one.generation);
  const begun = [...new Map(runs.flatMap((run) => [...run.begun])).entries()]
    .filter(([stepId, generation]) => generation > (done.get(stepId) ?? -1))
    .map(([stepId, generation]) => ({ stepId, generation }));
  const inForce = known.filter(
    (one) => one.kind === 'checkpoint' || one.generation >= (generations.get(one.stepId) ?? 0),
  );
  const isUndoing = runs.some((run) => run.isUndoing);
  return { known: inForce, generations, begun, isUndoing, wasRebuilt: runs.some((run) => run.wasRebuilt) };
}

class RunReading {
  /** Where the Run began. */
  base: ChainPlace | undefined;
  readonly generations = new Map<string, number>();
  /** Step → the highest generation that was requested and may have begun. */
  readonly begun = new Map<string, number>();
  #hasProofs = false;
  isUndoing = false;
  wasRebuilt = false;
  /** It began with records of which nobody was told step by step; the last of them, and what they are. */
  #untold: Untold | undefined;
  readonly #jobId: string;
  readonly #compensated: ProtocolHost['steps'];
  /** Numbers begin anew where the record was made anew. */
  readonly #segments: Known[][] = [[]];

  constructor(jobId: string, steps: ProtocolHost['steps']) {
    this.#jobId = jobId;
    this.#compensated = steps;
  }

  /** Of the Run that began the chain. */
  get untold(): Untold {
    return this.#untold ?? { seq: this.base?.seq ?? 0, whose: 'those of the job that it was forked from' };
  }

  known(): Known[] {
    return this.#segments.flatMap((segment) => segment.toSorted((a, b) => seqOf(a) - seqOf(b)));
  }

  read(given: HistoryEntry): void {
    const entry = this.#saidByWorkers(given);
    switch (entry.activity) {
      case 'runStep':
        return this.#readStep(entry);
      case 'verifyWorld':
        return this.#readVerification(entry);
      case 'repair':
      case 'rewind':
        return this.#readRepair(entry);
      case 'beginUndo':
      case 'undoStep':
        this.isUndoing = true;
    }
  }

  /** What somebody has completed by hand tells nothing. Before there were proofs nobody could tell it from the rest. */
  #saidByWorkers(entry: HistoryEntry): HistoryEntry {
    const { activity, request, result } = entry;
    if (!isObject(result)) return entry;
    const isByWorker = isProved(provedRequest(activity, request), result);
    this.#hasProofs ||= isByWorker;
    return { ...entry, result: isByWorker || !this.#hasProofs ? withoutProof(result) : undefined };
  }

  #readVerification({ request, result }: HistoryEntry): void {
    this.base ??= VerifyWorldRequestSchema.safeParse(request).data?.base;
    const verified = VerifyWorldResultSchema.safeParse(result).data;
    // The last of them says who resumed it.
    if (verified?.kind === 'verified' && verified.resumed !== undefined)
      this.#untold ??= { seq: verified.at.seq - 1, whose: 'from before this start of its Workflow' };
  }

  #readStep({ request: given, result, at, attempts }: HistoryEntry): void {
    const request = RunStepRequestSchema.safeParse(given).data;
    if (request === undefined || request.jobId !== this.#jobId) return;
    const { stepId, step, generation, input, uses } = request;
    raise(this.generations, stepId, generation);
    const outcome = RunStepResultSchema.safeParse(result).data;
    if (outcome?.kind === 'other-generation') raise(this.generations, stepId, outcome.generation);
    if (outcome?.kind !== 'done') {
      const isBegun = outcome === undefined || attempts !== 1 || !BEGAN_NOTHING.has(outcome.kind);
      if (isBegun) raise(this.begun, stepId, generation);
      return;
    }
    this.#readCheckpoints(request, outcome.checkpoints ?? [], at);
    const argsText = argsOf(request);
    const done = outcome.generation;
    raise(this.generations, stepId, done);
    this.#segments.at(-1)!.push({
      kind: 'step',
      stepId,
      step,
      generation: done,
      token: tokenOf({ jobId: this.#jobId, stepId, generation: done }),
      args: sha256Hex(argsText),
      argsText: this.#compensated.get(step)?.compensate === undefined ? undefined : argsText,
      input,
      uses: uses ?? null,
      output: outcome.output,
      place: outcome.at,
      at,
    });
  }

  #readCheckpoints({ checkpoints = [] }: RunStepRequest, seqs: readonly number[], at: string): void {
    checkpoints.forEach((note, index) => {
      const seq = seqs[index];
      if (seq !== undefined && isWhole(note)) this.#segments.at(-1)!.push({ kind: 'checkpoint', note, seq, at });
    });
  }

  #readRepair({ result: given }: HistoryEntry): void {
    const result = RepairResultSchema.safeParse(given).data;
    if (result?.kind !== 'repaired') return;
    for (const { stepId, generation } of result.reruns) raise(this.generations, stepId, generation);
    if (result.rebuilt !== true) return;
    this.wasRebuilt = true;
    this.#segments.push([]);
  }
}

/** To a step's highest generation so far. */
function raise(highest: Map<string, number>, stepId: string, generation: number): void {
  highest.set(stepId, Math.max(generation, highest.get(stepId) ?? 0));
}

/** As the record would have it. */
function argsOf({ input, step, secrets }: RunStepRequest): string {
  return canonicalJson({ input, step, ...defined({ secrets }) });
}

function seqOf(one: Known): number {
  return one.kind === 'step' ? one.place.seq : one.seq;
}

/** Why the history can't be had, for a person; what may pass is thrown. */
export function whyNoHistory(error: unknown): string {
  if (isFailure(error, 'not-found')) return error.message;
  throw error;
}
