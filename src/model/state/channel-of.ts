/** A channel as its declaration has it. */
import type { Json, JsonObject } from '../canonical-json.ts';
import { HoldfastError } from '../failure.ts';
import { shown } from '../shown-value.ts';
import { Misfit, type Channel } from './channel.ts';
import { AppendChannel, MergeListChannel, SetChannel } from './list-channels.ts';
import { MergeChannel } from './merge-channel.ts';
import { initialOf, REDUCERS, type ChannelDeclaration, type OwnReducer, type Reducer } from './reducer.ts';
import { extremeChannel, ownChannel, replaceChannel, sumChannel } from './value-channels.ts';

const MAKERS: Readonly<Record<Reducer, (initial: Json, declared: ChannelDeclaration) => Channel>> = {
  replace: (initial) => replaceChannel(initial),
  append: (initial) => new AppendChannel(initial),
  merge: (initial, { by }) => (by === undefined ? new MergeChannel(initial) : new MergeListChannel(by, initial)),
  sum: (initial) => sumChannel(initial),
  min: (initial) => extremeChannel(1, initial),
  max: (initial) => extremeChannel(-1, initial),
  set: (initial) => new SetChannel(initial),
};

interface Given {
  readonly own?: Readonly<Record<string, OwnReducer>>;
  readonly values?: JsonObject;
}

/** @throws HoldfastError `bad-input`, for a value that it can't hold, or a reducer that is not known */
export function channelOf(name: string, declared: ChannelDeclaration, { own = {}, values }: Given): Channel {
  const held = values !== undefined && Object.hasOwn(values, name) ? values[name]! : initialOf(declared);
  const { reducer } = declared;
  if (Object.hasOwn(own, reducer)) return ownChannel(reducer, own[reducer]!, held);
  if (!Object.hasOwn(MAKERS, reducer)) {
    const known = [...REDUCERS, ...Object.keys(own)].join(', ');
    throw new HoldfastError('bad-input', `State "${name}" has the reducer "${reducer}"; expected one of ${known}.`, {
      key: name,
      reducer,
    });
  }
  try {
    return MAKERS[reducer as Reducer](held, declared);
  } catch (cause) {
    if (!(cause instanceof Misfit)) throw cause;
    throw new HoldfastError(
      'bad-input',
      `State "${name}" has the reducer ${reducer} and cannot begin with ${shown(cause.found)}: ` +
        `expected ${cause.expected}.`,
      { key: name, reducer },
      { cause },
    );
  }
}
