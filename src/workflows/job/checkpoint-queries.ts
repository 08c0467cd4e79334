/** Answers what a job is asked of its state and its checkpoints, from what this Run remembers. */
import { jsonBytes, type Json, type JsonObject } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import {
  MAX_ANSWER_BYTES,
  StateAskedSchema,
  type StateAnswer,
  type ToldCheckpoint,
  type ToldCheckpoints,
} from '../../model/job/checkpoint-answers.ts';
import type { CheckpointNotes } from '../state/checkpoint-notes.ts';
import type { RememberedCheckpoint } from '../state/remembered-checkpoints.ts';
import type { JobIdentity } from '../state/run-origin.ts';

export interface StateOfNow {
  readonly values: JsonObject;
  /** Channels that were written to since the latest checkpoint. Absent: none. */
  readonly writtenSince?: readonly string[];
}

export interface CheckpointQueriesOptions {
  readonly identity: JobIdentity;
  readonly checkpoints: CheckpointNotes;
  readonly state: StateOfNow | undefined;
}

export class CheckpointQueries {
  readonly #options: CheckpointQueriesOptions;

  constructor(options: CheckpointQueriesOptions) {
    this.#options = options;
  }

  /** @param asked `StateAskedSchema`. @throws ZodError, for anything else */
  state(asked: unknown): StateAnswer {
    const { identity, checkpoints, state } = this.#options;
    const { workspace } = identity;
    const { list, latest } = checkpoints.remembered;
    const at = StateAskedSchema.parse(asked ?? undefined)?.at;
    if (at === undefined) {
      const { values = {}, writtenSince = [] } = state ?? {};
      const since = writtenSince.length === 0 ? undefined : [...writtenSince];
      return this.#answer(values, latest && this.#told(latest), since);
    }
    const place = list.findIndex(({ seq }) => seq === at);
    const then = place < 0 ? undefined : checkpoints.remembered.valuesAt(place);
    if (then === undefined) {
      const known = list.flatMap(({ seq }) => (seq === undefined ? [] : [seq])).reverse();
      return { kind: 'unknown', workspace, known };
    }
    return this.#answer(then, this.#told(list[place]!), undefined);
  }

  list(): ToldCheckpoints {
    const { identity, checkpoints } = this.#options;
    return { ...identity, checkpoints: checkpoints.remembered.list.map((one) => this.#told(one)).reverse() };
  }

  #answer(
    values: JsonObject,
    told: ToldCheckpoint = { tasks: [], next: [] },
    writtenSince: string[] | undefined,
  ): StateAnswer {
    const { identity } = this.#options;
    const state = { ...identity, values, ...told, ...defined({ writtenSince }) };
    const sizeBytes = jsonBytes(state as Json);
    if (sizeBytes > MAX_ANSWER_BYTES) return { kind: 'too-large', workspace: identity.workspace, sizeBytes };
    return { kind: 'state', state };
  }

  #told({ note, seq }: RememberedCheckpoint): ToldCheckpoint {
    const { parent: before, source, step, writes, tasks, next, more } = note;
    const { list } = this.#options.checkpoints.remembered;
    const parent = before === null ? null : list.find(({ note: { digest } }) => digest === before)?.seq;
    return { tasks, next, metadata: { source, step, writes }, ...defined({ seq, parent, more }) };
  }
}
