/** The values of a state from what was written to it, for whoever reads the record: without the Workflow's own code. */
import type { JsonObject } from '../canonical-json.ts';
import { defined } from '../defined.ts';
import { isBuiltIn, type ChannelDeclaration } from './reducer.ts';
import { StateChannels } from './state-channels.ts';
import type { StateWrite } from './state-write.ts';

type Declared = Readonly<Record<string, ChannelDeclaration>>;

/**
 * The values after these writes, one after the other. Pure.
 * @param values before them. Default: the initial values
 * @throws HoldfastError `bad-input`, for writes that are not of such a state
 */
export function foldWrites(declared: Declared, writes: readonly StateWrite[], values?: JsonObject): JsonObject {
  const folded = new FoldedWrites(declared, values);
  folded.add(writes);
  return folded.values;
}

/** The same, to which more can be added: that costs what is written. */
export class FoldedWrites {
  readonly declared: Declared;
  readonly #channels: StateChannels;

  constructor(declared: Declared, values?: JsonObject) {
    this.declared = declared;
    // What a reducer of one's own has made is written down, and takes the place of what was held.
    const entries = Object.entries(declared).map(([name, one]) => [
      name,
      isBuiltIn(one.reducer) ? one : asWritten(one),
    ]);
    this.#channels = new StateChannels(Object.fromEntries(entries) as Record<string, ChannelDeclaration>, {
      maxBytes: () => Number.POSITIVE_INFINITY,
      misfit: 'bad-input',
      who: (node) => `"${node}"`,
      field: 'node',
      ...defined({ values }),
    });
  }

  get values(): JsonObject {
    return this.#channels.values;
  }

  /** None is a super-step of its own: whatever conflicts was refused when it was written. */
  add(writes: readonly StateWrite[]): void {
    for (const { node, channel, value, result = value } of writes)
      this.#channels.fold([{ node, values: { [channel]: result } }]);
  }
}

function asWritten({ initial }: ChannelDeclaration): ChannelDeclaration {
  return { reducer: 'replace', initial };
}
