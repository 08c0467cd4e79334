/**
 * The saver of LangGraph.js against LangGraph's own, on one workload: a graph of one node that runs 50 times, whose
 * state has 10 KiB that stay and a list that grows, with `durability: 'sync'`.
 *
 * All are as durable: PostgreSQL commits with fsync; SQLite is set to `synchronous = FULL`, since LangGraph's saver
 * leaves it at WAL's default, which waits for no disk. SQLite is Node's own, behind the few methods that the saver
 * calls: the package that it comes with would have to be compiled.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import type * as LangGraph from '@langchain/langgraph';
import { HoldfastSaver } from '../../src/langgraph.ts';
import { cachedPackages } from '../../scripts/cached-packages.ts';
import { BenchPostgres } from '../bench-postgres.ts';
import type { Figure, FigureContext } from '../figure.ts';
import { makeTemporaryDirectory, removeDirectory } from '../temporary-directory.ts';

const PEERS = 'bench/peers/langgraph';
const SUPER_STEPS = 50;
const BOUND = 1.2;

/** A saver, of one or another copy of LangGraph's packages. */
type Saver = object;

interface Peers {
  /** Milliseconds that a thread takes. */
  readonly run: (saver: Saver) => Promise<number>;
  readonly SqliteSaver: new (database: unknown) => Saver;
  readonly PostgresSaver: { fromConnString(url: string): Saver & { setup(): Promise<void>; end(): Promise<void> } };
}

async function loadPeers({ say }: FigureContext): Promise<Peers> {
  const cached = await cachedPackages(PEERS, () => say(`fetching the packages of ${PEERS} …`));
  if (!('packages' in cached)) throw new Error(`LangGraph.js could not be installed: ${cached.problem}`);
  const load = async (name: string): Promise<unknown> =>
    await import(pathToFileURL(join(cached.packages, name, 'dist/index.js')).href);
  const graphs = (await load('@langchain/langgraph')) as typeof LangGraph;
  const { SqliteSaver } = (await load('@langchain/langgraph-checkpoint-sqlite')) as Pick<Peers, 'SqliteSaver'>;
  const { PostgresSaver } = (await load('@langchain/langgraph-checkpoint-postgres')) as Pick<Peers, 'PostgresSaver'>;
  return { run: async (saver) => runThread(graphs, saver), SqliteSaver, PostgresSaver };
}

async function runThread(graphs: typeof LangGraph, checkpointer: Saver): Promise<number> {
  const { Annotation, END, START, StateGraph } = graphs;
  const State = Annotation.Root({
    plan: Annotation<string>(),
    notes: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
  });
  const graph = new StateGraph(State)
    .addNode('note', ({ notes }) => ({ notes: [`note ${notes.length}: ${'x'.repeat(90)}`] }))
    .addEdge(START, 'note')
    .addConditionalEdges('note', ({ notes }) => (notes.length < SUPER_STEPS ? 'note' : END))
    .compile({ checkpointer: checkpointer as never });
  const config = {
    configurable: { thread_id: randomBytes(6).toString('hex') },
    recursionLimit: SUPER_STEPS + 10,
    durability: 'sync' as const,
  };
  const plan = randomBytes(5 * 1024).toString('hex');
  const startedMs = performance.now();
  await graph.invoke({ plan, notes: [] }, config);
  return performance.now() - startedMs;
}

/** What LangGraph's saver calls of its driver. */
function asDriver(database: DatabaseSync): object {
  return {
    pragma: (text: string) => database.exec(`PRAGMA ${text}`),
    exec: (text: string) => database.exec(text),
    prepare: (text: string) => {
      const statement = database.prepare(text);
      const bound = (values: SQLInputValue[]): SQLInputValue[] => values.map((value) => value ?? null);
      return {
        run: (...values: SQLInputValue[]) => statement.run(...bound(values)),
        get: (...values: SQLInputValue[]) => statement.get(...bound(values)),
        all: (...values: SQLInputValue[]) => statement.all(...bound(values)),
      };
    },
    transaction:
      <T extends unknown[]>(work: (...args: T) => void) =>
      (...args: T): void => {
        database.exec('BEGIN');
        work(...args);
        database.exec('COMMIT');
      },
  };
}

/** Ratios of times; the two take turns. */
async function compared(
  context: FigureContext,
  peers: Peers,
  [ours, theirs]: readonly [Saver, Saver],
): Promise<number[]> {
  await peers.run(ours);
  await peers.run(theirs);
  const ratios: number[] = [];
  for (let round = 0; round < (context.isQuick ? 5 : 15); round++) {
    const [our, their] = [await peers.run(ours), await peers.run(theirs)];
    context.say(`  round ${round + 1}: ${perStep(our)} against ${perStep(their)} ms a super-step`);
    ratios.push(our / their);
  }
  return ratios;
}

function perStep(ms: number): string {
  return (ms / SUPER_STEPS).toFixed(2);
}

export const langGraphSqlite: Figure = {
  name: 'langgraph-saver-sqlite',
  what: "a LangGraph thread of 50 super-steps with our saver in a folder, against LangGraph's SQLite saver with fsync",
  bound: BOUND,
  unit: '×',
  measure: async (context) => {
    const peers = await loadPeers(context);
    const root = makeTemporaryDirectory();
    const database = new DatabaseSync(join(root, 'langgraph.db'));
    database.exec('PRAGMA synchronous = FULL');
    const ours = new HoldfastSaver(join(root, 'checkpoints'));
    try {
      return await compared(context, peers, [ours, new peers.SqliteSaver(asDriver(database))]);
    } finally {
      await ours.end();
      database.close();
      removeDirectory(root);
    }
  },
};

export const langGraphPostgres: Figure = {
  name: 'langgraph-saver-postgres',
  what: "the same with our saver in PostgreSQL, against LangGraph's PostgreSQL saver",
  bound: BOUND,
  unit: '×',
  measure: async (context) => {
    const peers = await loadPeers(context);
    const postgres = await BenchPostgres.start();
    const ours = new HoldfastSaver(postgres.url);
    const theirs = peers.PostgresSaver.fromConnString(postgres.url);
    try {
      await theirs.setup();
      return await compared(context, peers, [ours, theirs]);
    } finally {
      await ours.end();
      await theirs.end();
      await postgres.stop();
    }
  },
};
