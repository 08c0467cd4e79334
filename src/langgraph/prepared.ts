/**
 * A checkpoint as LangGraph puts it, written for a generation.
 *
 * Invariant: a value is written once a version. A checkpoint that has the version of its parent refers to the parent's
 * value; version numbers alone are not trusted, since two branches count them alike.
 */
import type {
  ChannelVersions,
  Checkpoint,
  CheckpointMetadata,
  SerializerProtocol,
} from '@langchain/langgraph-checkpoint';
import { defined } from '../model/defined.ts';
import { type CheckpointEntry, type Written, written } from './document.ts';
import type { KeptChannels } from './loading.ts';
import { TypeKeepingSerializer } from './serializer.ts';

/** What the thread adds when it is this checkpoint's turn. */
export interface PreparedCheckpoint {
  readonly id: string;
  readonly parent: string | undefined;
  /** A copy of another checkpoint, which LangGraph makes to branch off. */
  readonly isCopy: boolean;
  readonly versions: ChannelVersions;
  readonly checkpoint: Written;
  readonly metadata: Written;
  /** Of channels that are new, and of those without a version. */
  readonly values: Readonly<Record<string, Written>>;
  /** Writes the value of another channel. */
  readonly others: Readonly<Record<string, () => Promise<Written>>>;
}

export interface PutCheckpoint {
  readonly parent: string | undefined;
  readonly checkpoint: Checkpoint;
  readonly metadata: CheckpointMetadata;
  readonly newVersions: ChannelVersions;
}

/** Values that change later are read before this returns. @throws HoldfastError `not-json` naming channel and path */
export async function prepareCheckpoint(put: PutCheckpoint, serde: SerializerProtocol): Promise<PreparedCheckpoint> {
  const { parent, checkpoint, metadata, newVersions } = put;
  const { channel_values: values, ...rest } = checkpoint;
  const { id, channel_versions: versions } = checkpoint;
  const isNew = (channel: string): boolean => Object.hasOwn(newVersions, channel) || !Object.hasOwn(versions, channel);
  const all = Object.entries(values);
  const others = all.filter(([channel]) => !isNew(channel));
  const dumped = Promise.all(
    all
      .filter(([channel]) => isNew(channel))
      .map(async ([channel, value]): Promise<[string, Written]> => [
        channel,
        await dump(value, channelText(channel), serde),
      ]),
  );
  const [writtenRest, writtenMetadata] = await Promise.all([
    dump(rest, 'the checkpoint', serde),
    dump(metadata, 'the metadata', serde),
  ]);
  return {
    id,
    parent: parent === id ? undefined : parent,
    isCopy: metadata.source === 'fork',
    versions: { ...versions },
    checkpoint: writtenRest,
    metadata: writtenMetadata,
    values: Object.fromEntries(await dumped),
    others: Object.fromEntries(
      others.map(([channel, value]) => [channel, async () => dump(value, channelText(channel), serde)]),
    ),
  };
}

/** @param name the value's, for messages */
export async function dump(value: unknown, name: string, serde: SerializerProtocol): Promise<Written> {
  return written(
    serde instanceof TypeKeepingSerializer ? await serde.dumpsNamed(value, name) : await serde.dumpsTyped(value),
  );
}

export function channelText(channel: string): string {
  return `channel ${JSON.stringify(channel)}`;
}

/** What is known of other checkpoints when it is put. */
export interface Surroundings {
  /** The parent's channels. */
  readonly kept: KeptChannels | undefined;
  /** Those of other checkpoints. */
  readonly others: readonly KeptChannels[];
  readonly isBranch: boolean;
  readonly writer: string;
}

export async function checkpointEntry(
  prepared: PreparedCheckpoint,
  { kept, others, isBranch, writer }: Surroundings,
): Promise<CheckpointEntry> {
  const { id, parent, versions, checkpoint, metadata } = prepared;
  const has = (channels: KeptChannels | undefined, channel: string): boolean =>
    channels !== undefined &&
    Object.hasOwn(channels.places, channel) &&
    channels.versions[channel] === versions[channel];
  const values = { ...prepared.values };
  const places: Record<string, number> = {};
  for (const [channel, write] of Object.entries(prepared.others))
    if (has(kept, channel)) places[channel] = kept!.places[channel]!;
    // LangGraph copies a checkpoint beside its parent, without calling anything new. What no checkpoint has ever
    // stored isn't stored now: that a channel is new is for the caller to say.
    else if (others.some((one) => has(one, channel))) values[channel] = await write();
  return defined({
    is: 'checkpoint' as const,
    id,
    parent,
    isBranch,
    writer,
    checkpoint,
    metadata,
    values,
    kept: places,
  });
}
