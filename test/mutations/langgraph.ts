/** The saver of LangGraph.js. */
import type { Mutation } from './mutation.ts';

const DAMAGE = ['test/integration/langgraph-damage.test.ts'];
const GRAPHS = ['test/integration/langgraph.test.ts'];
const RETENTION = ['test/integration/langgraph-retention.test.ts'];
const TYPES = ['test/unit/langgraph-types.test.ts'];

export const LANGGRAPH: readonly Mutation[] = [
  {
    guarantee: 'G6',
    breaks: 'a thread whose newest generation is damaged begins anew',
    file: 'src/langgraph/known.ts',
    find: 'throw await this.#withOthers(read.damage, reading, generations);',
    replace: 'return undefined;',
    tests: DAMAGE,
  },
  {
    guarantee: 'G6',
    breaks: "a checkpoint is given without its tasks' writes, which can't be read",
    file: 'src/langgraph/thread.ts',
    find: 'if (doubt !== undefined) throw',
    replace: 'if (doubt === null) throw',
    tests: DAMAGE,
  },
  {
    guarantee: 'G6',
    breaks: "a thread's damaged generation disables the checkpoints that refer to its values",
    file: 'src/langgraph/reading.ts',
    find: 'return next.document.before.entries;',
    replace: 'return [];',
    tests: DAMAGE,
  },
  {
    guarantee: 'G6',
    breaks: 'a list of checkpoints leaves out what is damaged',
    file: 'src/langgraph/listing.ts',
    find: 'if (damage !== undefined) throw namingOthers(damage, index.soundIds);',
    replace: 'if (damage !== undefined) continue;',
    tests: DAMAGE,
  },
  {
    guarantee: 'G6',
    breaks: 'a store that has lost the newest generation of a thread answers with an older one',
    file: 'src/langgraph/known.ts',
    find: 'if (newest < known) throw this.#forgotten(newest);',
    replace: '',
    tests: DAMAGE,
  },
  {
    guarantee: 'G6',
    breaks: "a generation of another thread, or of another number, is taken for a thread's own",
    file: 'src/langgraph/reading.ts',
    find: 'if (thread !== name.thread || namespace !== name.namespace || said !== generation)',
    replace: 'if (thread !== name.thread)',
    tests: DAMAGE,
  },
  {
    guarantee: 'G4',
    breaks: "a thread's retention removes what delta channels are made of",
    file: 'src/langgraph/pruning.ts',
    find: 'await addAncestors(id, 1 + supersteps(metadata));',
    replace: 'await addAncestors(id, 1);',
    tests: RETENTION,
  },
  {
    guarantee: 'G4',
    breaks: "a thread's retention removes while something can't be read",
    file: 'src/langgraph/pruning.ts',
    find: 'for (const damage of index.damaged.values()) throw damage;',
    replace: '',
    tests: RETENTION,
  },
  {
    guarantee: 'G4',
    breaks: "a thread's retention removes values that newer checkpoints refer to",
    file: 'src/langgraph/pruning.ts',
    find: 'for (const place of [generation, ...Object.values(entry.kept)]) generations',
    replace: 'for (const place of [generation]) generations',
    tests: RETENTION,
  },
  {
    guarantee: 'G4',
    breaks: 'of two runs of one thread both go on',
    file: 'src/langgraph/rivals.ts',
    find: '    throw taken(name, entry, rival);',
    replace: '    return true;',
    tests: GRAPHS,
  },
  {
    guarantee: 'G4',
    breaks: 'two runs begin one thread, and both go on',
    file: 'src/langgraph/rivals.ts',
    find: 'if (rival !== undefined) throw taken(name, { ...entry, parent: undefined }, rival);',
    replace: '',
    tests: GRAPHS,
  },
  {
    guarantee: 'G4',
    breaks: 'a run that names an unknown checkpoint begins anew',
    file: 'src/langgraph/saver.ts',
    find: 'return isRun ? await thread.refuseUnknown(id) : undefined;',
    replace: 'return undefined;',
    tests: GRAPHS,
  },
  {
    guarantee: 'G4',
    breaks: 'values of a branch are found by their version number alone',
    file: 'src/langgraph/prepared.ts',
    find: 'if (has(kept, channel)) places[channel] = kept!.places[channel]!;',
    replace: `const first = others.find((one) => has(one, channel));
    if (first !== undefined) places[channel] = first.places[channel]!;`,
    tests: GRAPHS,
  },
  {
    guarantee: 'G4',
    breaks: 'an instance of a class comes back as a plain object',
    file: 'src/langgraph/types/instances.ts',
    find: 'throw walk.refused(`an instance of ${className(value)}`);',
    replace: 'return encode({ ...value }, walk);',
    tests: TYPES,
  },
  {
    guarantee: 'G4',
    breaks: 'a date within a message becomes a text',
    file: 'src/langgraph/types/langchain.ts',
    find: 'throw inMessage(walk, `an instance of ${value.constructor.name}`);',
    replace: 'return;',
    tests: TYPES,
  },
];
