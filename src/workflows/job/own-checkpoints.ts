/**
 * The checkpoints of a user's own Workflow: where `job.checkpoint` is called, and every so many steps where that is
 * asked for.
 *
 * Invariants
 * 1. A Workflow that starts anew and does the same notes the same ones. So what ran is told in the order of the steps'
 *    ids, and none is noted by itself while a step or a branch is under way.
 * 2. What is noted fits in the next request for a step.
 */
import * as z from 'zod';
import { jsonBytes, type Json } from '../../model/canonical-json.ts';
import type { CheckpointNote } from '../../model/checkpoint/note.ts';
import { defined } from '../../model/defined.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { StateWrite } from '../../model/state/state-write.ts';
import type { CheckpointOptions, OpenJobOptions } from '../guarded-job.ts';
import type { Edits } from '../state/edits.ts';
import type { CheckpointNotes } from '../state/checkpoint-notes.ts';
import type { JobParts } from './parts.ts';
import type { UserState } from './user-state.ts';

/** Of what was written to the state and the record does not have yet. */
export const MAX_NOTED_BYTES = 1_048_576;

const CheckpointOptionsSchema = z.strictObject({
  next: z.array(z.string().min(1).max(200)).max(1_000).optional(),
} satisfies Record<keyof CheckpointOptions, z.ZodType>);

interface OwnCheckpointsOptions {
  readonly notes: CheckpointNotes;
  readonly state: UserState;
  readonly edits: Edits;
  /** After how many steps one is noted by itself. Undefined: never. */
  readonly every: number | undefined;
  /** Are its checkpoints kept in a store? Then one of them says what started it. */
  readonly isStored: boolean;
  /** Has the Workflow a state that it declares? */
  readonly hasState: boolean;
  /** Is no step under way? */
  readonly isIdle: () => boolean;
}

/** @param state undefined: a plan's job */
export function ownCheckpointsOf(
  {
    checkpointEvery: every,
    state: declared,
    checkpoint: store,
  }: Pick<OpenJobOptions, 'checkpointEvery' | 'state' | 'checkpoint'>,
  { checkpoints: notes, edits, gate }: Pick<JobParts, 'checkpoints' | 'edits' | 'gate'>,
  state: UserState | undefined,
): OwnCheckpoints | undefined {
  if (state === undefined) return undefined;
  const has = { hasState: declared !== undefined, isStored: store !== undefined };
  return new OwnCheckpoints({ notes, state, edits, every, ...has, isIdle: () => gate.isIdle });
}

export class OwnCheckpoints {
  readonly #options: OwnCheckpointsOptions;

  constructor(options: OwnCheckpointsOptions) {
    this.#options = options;
    const { notes, every, hasState, isStored } = options;
    notes.ended.isCollecting = true;
    if (hasState || every !== undefined || isStored) this.#note({ source: 'input', next: [] });
  }

  /** @throws HoldfastError `bad-input`, `too-large`; then none is noted */
  checkpoint(given: CheckpointOptions = {}): void {
    const { state } = this.#options;
    const options = CheckpointOptionsSchema.safeParse(given);
    if (!options.success) {
      const [issue] = options.error.issues;
      const where = issue!.path.join('.');
      throw new HoldfastError(
        'bad-input',
        `job.checkpoint takes { next: [TEXT, …] } at most${where === '' ? '' : `; ${where}`}: ${issue!.message}.`,
      );
    }
    if (state.hasBranches)
      throw new HoldfastError(
        'bad-input',
        'job.checkpoint was called while branches run, whose writes have not joined the state yet: expected a call ' +
          'once all have ended.',
      );
    this.#note({ source: 'loop', next: options.data.next ?? [] });
  }

  /** A step is about to be requested. @throws HoldfastError `too-large` */
  beforeStep(stepId: string): void {
    const { every, notes, state, isIdle } = this.#options;
    if (every === undefined || notes.ended.count < every || state.hasBranches || !isIdle()) return;
    this.#note({ source: 'loop', next: [stepId] });
  }

  /** A result that is there already counts once what was called together with it has been called, too. */
  answered(stepId: string, generation: number): void {
    const { every, notes } = this.#options;
    if (every === undefined) notes.ended.done(stepId, generation);
    else void Promise.resolve().then(() => notes.ended.done(stepId, generation));
  }

  /** The Workflow's body has ended. @throws HoldfastError `too-large` */
  end(): void {
    const { every, notes, state } = this.#options;
    if (every === undefined) return;
    if (notes.ended.count > 0 || state.writes.untaken.writes.length > 0) this.#note({ source: 'loop', next: [] });
  }

  #note({ source, next }: Pick<CheckpointNote, 'source' | 'next'>): void {
    const { notes, state, edits } = this.#options;
    const { isAnew, writes } = state.writes.untaken;
    const noted = withoutEarlierResults(writes);
    refuseTooMuch(notes, noted);
    const tasks = [...notes.ended.tasks];
    const begins = isAnew ? state.declared : undefined;
    state.writes.take();
    notes.ended.clear();
    const step = source === 'input' ? -1 : (notes.lastStep ?? -1) + 1;
    const hasEdit = tasks.some(({ id, outcome }) => outcome === 'done' && edits.has(id));
    notes.note({
      source: hasEdit ? 'update' : source,
      step,
      tasks,
      next: [...next],
      ...defined({ begins }),
      writes: [...noted],
    });
  }
}

/** Of what a reducer of the Workflow's own has made of a channel the last counts: it is the whole. */
function withoutEarlierResults(writes: readonly StateWrite[]): readonly StateWrite[] {
  const last = new Map(writes.map(({ channel }, index) => [channel, index]));
  return writes.map(({ result, ...write }, index) =>
    last.get(write.channel) === index ? { ...write, ...defined({ result }) } : write,
  );
}

/** @throws HoldfastError `too-large` */
function refuseTooMuch({ unrecorded }: CheckpointNotes, writes: readonly StateWrite[]): void {
  const sizeBytes = [...unrecorded.flatMap((note) => note.writes), ...writes].reduce(
    (sum, { value, result }) => sum + jsonBytes(value) + (result === undefined ? 0 : jsonBytes(result)),
    0,
  );
  if (sizeBytes <= MAX_NOTED_BYTES) return;
  throw new HoldfastError(
    'too-large',
    `What was written to the state since the record last had a checkpoint has ${sizeBytes} bytes; at most ` +
      `${MAX_NOTED_BYTES} travel with the next step. Expected a step between, more checkpoints (checkpointEvery), or ` +
      'less in the state: a file of the workspace holds more.',
    { sizeBytes, maxBytes: MAX_NOTED_BYTES } satisfies Readonly<Record<string, Json>>,
  );
}
