/**
 * The state of a user's own Workflow: what `job.update` writes, and `job.state` shows.
 *
 * Invariants
 * 1. It is a pure function of the updates, in their order: a replay, and a Run that starts from the beginning, compute
 *    it anew from the initial values.
 * 2. What is written is plain JSON, kept as it is or refused; it is copied, so that nobody changes it afterwards.
 */
import * as z from 'zod';
import { canonicalJson, type Json, type JsonObject } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { digestOf, shortDigest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { frozenCopy } from '../../model/frozen-copy.ts';
import { checkBySchema } from '../../model/plan/problem/channel-check.ts';
import type { ChannelDeclaration, OwnReducer } from '../../model/state/reducer.ts';
import { isBuiltIn } from '../../model/state/reducer.ts';
import { ChannelNameSchema, type NodeWrites } from '../../model/state/state-write.ts';
import { StateChannels, type ChannelCheck, type StateOptions } from '../../model/state/state-channels.ts';
import { StateWrites } from '../../model/state/state-writes.ts';
import type { Tried } from '../gate/editing.ts';
import type { OpenJobOptions, UpdateOptions } from '../guarded-job.ts';

/** Of one update, and of what a reducer of the Workflow's own returns: it travels with the next request. */
export const MAX_UPDATE_BYTES = 1_048_576;
/** Of all keys together: it is in the memory of the worker that runs the Workflow. */
export const MAX_JOB_STATE_BYTES = 16 * 1_048_576;

const isFunction = (value: unknown): boolean => typeof value === 'function';
const isSchema = (value: unknown): boolean => value instanceof z.ZodType;

export const StateOptionsShape = {
  state: z
    .record(
      ChannelNameSchema,
      z.strictObject({
        reducer: z.string().optional(),
        by: z.string().min(1).max(200).optional(),
        initial: z.unknown().optional(),
        schema: z.custom(isSchema, 'is no zod schema').optional(),
      }),
    )
    .optional(),
  reducers: z.record(z.string().min(1).max(80), z.custom(isFunction, 'is no function')).optional(),
} satisfies Record<string, z.ZodType>;

const UpdateOptionsSchema = z.strictObject({ node: z.string().min(1).max(200).optional() });

export class UserState {
  /** For what keeps checkpoints. */
  readonly writes = new StateWrites();
  /** The channels, as a checkpoint names them. */
  readonly declared: Readonly<Record<string, ChannelDeclaration>>;
  readonly #options: StateOptions;
  readonly #channels: StateChannels;
  /** What people have put in by hand for steps of branches: it joins with what the branches write. */
  #putIn: NodeWrites[] = [];
  readonly #name: string;
  #hasBranches = false;
  #mark: string | undefined;

  /**
   * @param name who writes where an update doesn't say
   * @throws HoldfastError `bad-input`, `not-json`
   */
  constructor({ state = {}, reducers = {} }: Pick<OpenJobOptions, 'state' | 'reducers'>, name: string) {
    this.#name = name.slice(0, 200) || 'job';
    const taken = Object.keys(reducers).find(isBuiltIn);
    if (taken !== undefined)
      throw new HoldfastError('bad-input', `openJob: reducers.${taken} has the name of a built-in reducer: rename it.`);
    const declared: Record<string, ChannelDeclaration> = {};
    const checks = new Map<string, ChannelCheck>();
    for (const [key, { reducer = 'replace', by, initial, schema }] of Object.entries(state)) {
      if (by !== undefined && reducer !== 'merge')
        throw new HoldfastError('bad-input', `openJob: state.${key}.by says nothing about the reducer ${reducer}.`);
      const value = initial === undefined ? undefined : plainCopy(initial, `state.${key}.initial`);
      declared[key] = { reducer, ...defined({ by, initial: value }) };
      if (schema === undefined) continue;
      if (value !== undefined) refuseUnfit(schema, value, `state.${key}.initial`);
      checks.set(key, checkBySchema(schema, `state.${key}`, declared[key], 'exact'));
    }
    this.declared = declared;
    this.#options = {
      own: reducers as unknown as Readonly<Record<string, OwnReducer>>,
      checks,
      maxBytes: () => MAX_JOB_STATE_BYTES,
      maxWrittenBytes: MAX_UPDATE_BYTES,
      misfit: 'bad-input',
      who: (node) => `an update by "${node}"`,
      field: 'node',
    };
    this.#channels = new StateChannels(declared, this.#options);
  }

  get values(): JsonObject {
    return this.#channels.values;
  }

  /** @throws HoldfastError as `Job.update`; nothing is written then */
  update(values: unknown, options?: UpdateOptions): void {
    if (this.#hasBranches)
      throw new HoldfastError(
        'bad-input',
        'job.update was called while branches run, so that which of them was faster would show: expected ' +
          'branch.update, or an update once all have ended.',
      );
    this.#fold([this.writesOf(values, options)]);
  }

  /** What an update writes, checked and copied. @param node who writes where its options don't say */
  writesOf(values: unknown, options: UpdateOptions = {}, node = this.#name): NodeWrites {
    const { success } = UpdateOptionsSchema.safeParse(options);
    if (!success)
      throw new HoldfastError('bad-input', `job.update takes { node: TEXT } at most; found ${told(options)}.`);
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      throw new HoldfastError('bad-input', `job.update takes an object, key → value; found ${told(values)}.`);
    return { node: options.node ?? node, values: plainCopy(values, 'update') as JsonObject };
  }

  /** What a person has put in for a step, as if that had written it. @throws HoldfastError as `update` */
  putIn(stepId: string, values: JsonObject): void {
    if (this.#hasBranches) this.#putIn.push({ node: stepId, values });
    else this.#fold([{ node: stepId, values }]);
  }

  /** What the keys would hold then. @throws HoldfastError as `update` */
  tried(stepId: string, { values = {} }: Tried): JsonObject {
    const channels = new StateChannels(this.declared, { ...this.#options, values: this.values });
    channels.fold([{ node: stepId, values }]);
    return Object.fromEntries(Object.keys(values).map((key) => [key, channels.values[key]!]));
  }

  /** Until they have ended nothing else is written. @returns how they end, with what they have written */
  beginBranches(): (written: readonly NodeWrites[]) => void {
    if (this.#hasBranches)
      throw new HoldfastError(
        'bad-input',
        'job.branches was called while branches run: expected one call after the other.',
      );
    this.#hasBranches = true;
    return (written) => {
      this.#hasBranches = false;
      // In the order of their names: which step was called first may hang on which branch was faster.
      const putIn = this.#putIn.sort((a, b) => (a.node < b.node ? -1 : 1));
      this.#putIn = [];
      this.#fold([...written, ...putIn]);
    };
  }

  /** The keys that were written to since the last checkpoint. */
  get writtenSince(): readonly string[] {
    return [...new Set(this.writes.untaken.writes.map(({ channel }) => channel))];
  }

  get hasBranches(): boolean {
    return this.#hasBranches;
  }

  /** What the Workflow's own reducers have made so far, as a digest; undefined: nothing. */
  get mark(): string | undefined {
    return this.#mark;
  }

  #fold(superStep: readonly NodeWrites[]): void {
    const writes = this.#channels.fold(superStep);
    this.writes.add(writes);
    for (const { channel, result } of writes)
      if (result !== undefined) this.#mark = shortDigest(digestOf([this.#mark ?? '', channel, result]));
  }
}

/** @throws HoldfastError `bad-input` */
function refuseUnfit(schema: z.ZodType, value: Json, at: string): void {
  const problem = checkBySchema(schema, at, { reducer: 'replace' }, 'exact')({ value }, value);
  if (problem !== undefined) throw new HoldfastError('bad-input', `openJob: ${problem}.`);
}

/** @throws HoldfastError `not-json`, `too-large` */
function plainCopy(value: unknown, at: string): Json {
  const { length } = canonicalJson(value, at);
  if (length > MAX_UPDATE_BYTES)
    throw new HoldfastError('too-large', `${at} has ${length} characters; at most ${MAX_UPDATE_BYTES} are allowed.`);
  return frozenCopy(value as Json);
}

function told(value: unknown): string {
  try {
    return canonicalJson(value).slice(0, 60);
  } catch {
    return `a ${typeof value}`;
  }
}
