/**
 * What the Workflow knows of the record: its place in the chain, the term, the generations of steps, the steps done in
 * this Run. All of it comes from Activities' results, so that it is the same in every replay.
 *
 * Invariants
 * 1. The place in the chain never goes back, unless a person had a lost record made anew.
 * 2. A step's generation never falls.
 */
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { StepDone } from '../../model/job/run-step.ts';
import { SeqRanges, type SeqRange } from '../../model/job/seq-ranges.ts';
import { toldGenerations } from '../../model/job/told-generations.ts';

export class Knowledge {
  /** The term of the last comparison or repair; sent with every request, and fences stale actors. */
  term = 0;
  #known: ChainPlace;
  readonly #generations = new Map<string, number>();
  /** Sequence numbers of what was done since the Run's base, and of the decisions that made steps run again. */
  readonly #holds = new SeqRanges();
  /** Steps that are done in this Run, and their generations. */
  readonly #finished = new Map<string, number>();
  #base: ChainPlace;

  constructor(base: ChainPlace, generations: Readonly<Record<string, number>>) {
    this.#base = base;
    this.#known = base;
    for (const [stepId, generation] of Object.entries(generations)) this.setGeneration(stepId, generation);
  }

  get known(): ChainPlace {
    return this.#known;
  }

  /** Everything up to there is known. */
  get base(): ChainPlace {
    return this.#base;
  }

  /** The job goes on with a record that it has found: all that is in it counts as known. */
  goOnFrom(at: ChainPlace, generations: Readonly<Record<string, number>>): void {
    this.#base = at;
    this.advance(at);
    for (const [stepId, generation] of Object.entries(generations)) this.setGeneration(stepId, generation);
  }

  advance(at: ChainPlace): void {
    if (at.seq > this.#known.seq) this.#known = at;
  }

  /** A lost record was made anew, and its chain ends here. What it has of steps counts for this Run's. */
  startAgainAt(at: ChainPlace): void {
    this.#known = at;
  }

  /** Step records that the Workflow holds since the Run's base, and decisions that it has carried out. */
  get holds(): SeqRange[] {
    return this.#holds.list;
  }

  /** Is the step done in this Run? */
  isFinished(stepId: string): boolean {
    return this.#finished.has(stepId);
  }

  noteDone(stepId: string, { at, generation }: Pick<StepDone, 'at' | 'generation'>): void {
    this.advance(at);
    this.#holds.add(at.seq);
    this.#finished.set(stepId, generation);
  }

  /** Carried out for this Workflow: what it took back is known here. */
  noteDecision(seq: number): void {
    this.#holds.add(seq);
  }

  generationOf(stepId: string): number {
    return this.#generations.get(stepId) ?? 0;
  }

  setGeneration(stepId: string, generation: number): void {
    this.#generations.set(stepId, Math.max(generation, this.generationOf(stepId)));
  }

  /** For a new Run, within a bound: first those of steps that are to run still. */
  get carriedGenerations(): Readonly<Record<string, number>> {
    const all = [...this.#generations];
    const isDone = ([stepId, generation]: readonly [string, number]): boolean =>
      (this.#finished.get(stepId) ?? -1) >= generation;
    return toldGenerations([...all.filter((one) => !isDone(one)), ...all.filter(isDone)]);
  }
}
