/** Who is compared, and by which of its ways. */
import type { ContenderKind } from './contender.ts';

/** The one that the others are compared with. */
export const OURS = 'sub-step';
/** Those that Holdfast's sub-step is meant to be ahead of. */
export const PEERS = ['dbos', 'dbos-datasource', 'restate', 'langgraph'];

export const CONTENDERS: readonly ContenderKind[] = [
  {
    name: 'plain',
    module: 'plain/contender.ts',
    variants: [{ name: 'plain-loop', what: 'the effects alone: no progress is recorded' }],
  },
  {
    name: 'holdfast',
    module: 'holdfast/contender.ts',
    variants: [
      { name: OURS, what: 'Holdfast: ctx.step within one step' },
      { name: 'step', what: 'Holdfast: a guarded step each' },
      { name: 'temporal-local-activity', what: 'Temporal: a local Activity each' },
      { name: 'temporal-activity', what: 'Temporal: an Activity each' },
    ],
  },
  {
    name: 'dbos',
    module: 'dbos/contender.mjs',
    packages: 'dbos',
    variants: [{ name: 'dbos-step', what: 'DBOS: DBOS.runStep' }],
  },
  {
    name: 'dbos-datasource',
    module: 'dbos-datasource/contender.mjs',
    packages: 'dbos-datasource',
    variants: [
      { name: 'dbos-transaction', what: "DBOS: runStep for the file, a datasource's transaction for the row" },
    ],
  },
  {
    name: 'restate',
    module: 'restate/contender.mjs',
    packages: 'restate',
    variants: [{ name: 'restate-run', what: 'Restate: ctx.run' }],
  },
  {
    name: 'langgraph',
    module: 'langgraph/contender.mjs',
    packages: 'langgraph',
    variants: [{ name: 'langgraph-node', what: "LangGraph.js: a node each, PostgresSaver, durability 'sync'" }],
  },
];
