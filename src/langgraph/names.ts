/** What LangGraph names a thread's checkpoint by, and the series of the store that holds it. */
import type { BaseCheckpointSaver } from '@langchain/langgraph-checkpoint';
import { HoldfastError } from '../model/failure.ts';

/** How LangGraph names a thread, and a checkpoint of it. */
export type Config = Parameters<BaseCheckpointSaver['getTuple']>[0];

export interface ThreadName {
  readonly thread: string;
  readonly namespace: string;
}

const PREFIX = 'langgraph:';

/** @throws HoldfastError `bad-input`: no thread, or one that isn't a text */
export function threadName(config: Config, doing: string): ThreadName {
  const { thread_id: thread, checkpoint_ns: namespace = '' } = config.configurable ?? {};
  if (thread === undefined || thread === null)
    throw new HoldfastError(
      'bad-input',
      `Could not ${doing}: the configuration names no thread. Expected configurable.thread_id.`,
      { nextStep: 'Pass one: graph.invoke(input, { configurable: { thread_id: "…" } }).' },
    );
  return { thread: mustBeText('thread_id', thread, doing), namespace: mustBeText('checkpoint_ns', namespace, doing) };
}

/** A number and its text would be one thread elsewhere. Here a name is a text. */
function mustBeText(field: string, value: unknown, doing: string): string {
  if (typeof value === 'string' && value.isWellFormed() && (value !== '' || field !== 'thread_id')) return value;
  const found = typeof value === 'string' ? JSON.stringify(value) : `a ${typeof value}`;
  throw new HoldfastError('bad-input', `Could not ${doing}: configurable.${field} is ${found}. Expected a text.`, {
    field,
    found,
  });
}

/** The id of a checkpoint that the caller named himself. Undefined: he means the latest. */
export function namedCheckpoint(config: Config): string | undefined {
  const { checkpoint_id: id, thread_ts: earlierName } = config.configurable ?? {};
  return [id, earlierName].find((one) => typeof one === 'string' && one !== '') as string | undefined;
}

export function configOf({ thread, namespace }: ThreadName, id: string): Config {
  return { configurable: { thread_id: thread, checkpoint_ns: namespace, checkpoint_id: id } };
}

export function seriesOf({ thread, namespace }: ThreadName): string {
  return `${PREFIX}${encodeURIComponent(thread)}:${encodeURIComponent(namespace)}`;
}

/** Undefined: something else's. */
export function threadOfSeries(series: string): ThreadName | undefined {
  if (!series.startsWith(PREFIX)) return undefined;
  const parts = series.slice(PREFIX.length).split(':');
  try {
    const [thread, namespace] = parts.map(decodeURIComponent);
    return thread === undefined || namespace === undefined ? undefined : { thread, namespace };
  } catch {
    return undefined;
  }
}

/** For people: `thread "a"`, `thread "a", namespace "child"`. */
export function threadText({ thread, namespace }: ThreadName): string {
  return `thread ${JSON.stringify(thread)}${namespace === '' ? '' : `, namespace ${JSON.stringify(namespace)}`}`;
}
