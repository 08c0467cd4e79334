/** The reducers that every state knows: how a new value joins the one that a channel holds. */
import type { Json } from '../canonical-json.ts';

export const REDUCERS = ['replace', 'append', 'merge', 'sum', 'min', 'max', 'set'] as const;
/** The name of a reducer that every state knows. */
export type Reducer = (typeof REDUCERS)[number];

/** A reducer of the user's own: what the channel holds, and what is written → what it holds then. */
export type OwnReducer = (held: Json, written: Json) => Json;

/** A channel of a state, as it is declared. Plain JSON: whoever folds a state later needs it. */
export interface ChannelDeclaration {
  /** One of `REDUCERS`, or the name of one's own. */
  readonly reducer: string;
  /** Of `merge`: the channel is a list of objects, told apart by this field. Absent: it is an object. */
  readonly by?: string | undefined;
  /** Before any write. Absent: what the reducer begins with. */
  readonly initial?: Json | undefined;
}

export function isBuiltIn(name: string): name is Reducer {
  return (REDUCERS as readonly string[]).includes(name);
}

/** Is what such a channel holds a list, whatever is written? */
export function isListChannel({ reducer, by }: ChannelDeclaration): boolean {
  return reducer === 'append' || reducer === 'set' || (reducer === 'merge' && by !== undefined);
}

/** What a channel holds before any write. */
export function initialOf(declared: ChannelDeclaration): Json {
  const { reducer, initial } = declared;
  if (initial !== undefined) return initial;
  if (isListChannel(declared)) return [];
  if (reducer === 'merge') return {};
  return reducer === 'sum' ? 0 : null;
}

/** Does a channel hold a value before anything is written, although none is declared? */
export function beginsByItself({ reducer }: ChannelDeclaration): boolean {
  return reducer === 'append' || reducer === 'set' || reducer === 'merge' || reducer === 'sum';
}
