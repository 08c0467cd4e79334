/** Who is compared by kills, and how each job is written. */
import { AFTER_EFFECTS, type PeerKind } from './peer.ts';

export const OURS = 'holdfast';

export const PEERS: readonly PeerKind[] = [
  {
    name: OURS,
    what: 'Holdfast: a guarded step each',
    docs: 'https://docs.temporal.io/develop/typescript',
    advice:
      'files and rows by ctx.files and ctx.db; the call with a key by ctx.perform with ' +
      "inDoubt: 'repeat', the other by ctx.perform as it is",
    module: 'holdfast/peer.ts',
    server: 'temporal',
    preparation: 'holdfast/prepare.ts',
    kills: [
      { name: 'call', what: 'in step 3, after its last call, before the record of its answer' },
      { name: 'applied', what: 'after the files and rows of step 3, before its record' },
    ],
  },
  {
    name: 'temporal-activity',
    what: 'Temporal: an Activity each',
    docs: 'https://docs.temporal.io/activity-definition#idempotency',
    advice:
      'key of Run and Activity; heartbeat every 2 s with a timeout of 10 s; the default retry policy, without end',
    module: 'temporal/peer.ts',
    variant: 'byActivities',
    server: 'temporal',
    preparation: 'temporal/prepare.ts',
    kills: [AFTER_EFFECTS],
  },
  {
    name: 'temporal-local-activity',
    what: 'Temporal: a local Activity each',
    docs: 'https://docs.temporal.io/local-activity',
    advice: 'key of Run and Activity; the default retry policy',
    module: 'temporal/peer.ts',
    variant: 'byLocalActivities',
    server: 'temporal',
    preparation: 'temporal/prepare.ts',
    kills: [AFTER_EFFECTS],
  },
  {
    name: 'dbos-step',
    what: 'DBOS: DBOS.runStep',
    docs: 'https://docs.dbos.dev/typescript/tutorials/step-tutorial',
    advice: 'key of workflow and step; retriesAllowed with its defaults',
    module: 'dbos/peer.mjs',
    packages: 'dbos',
    kills: [AFTER_EFFECTS],
  },
  {
    name: 'dbos-transaction',
    what: "DBOS: a datasource's transaction for the rows, runStep for the rest",
    docs: 'https://docs.dbos.dev/typescript/tutorials/transaction-tutorial',
    advice: 'key of workflow and step; retriesAllowed with its defaults for the step',
    module: 'dbos-datasource/peer.mjs',
    packages: 'dbos-datasource',
    kills: [
      { name: 'transaction', what: 'in the transaction of step 3, after its last row' },
      { name: 'step', what: 'in the runStep of step 3, after its effects, before its record' },
    ],
  },
  {
    name: 'restate-run',
    what: 'Restate: ctx.run',
    docs: 'https://docs.restate.dev/develop/ts/durable-steps',
    advice: "key by ctx.rand.uuidv4(); the server's default retries",
    module: 'restate/peer.mjs',
    packages: 'restate',
    server: 'restate',
    kills: [AFTER_EFFECTS],
  },
  {
    name: 'langgraph-sync',
    what: "LangGraph.js: a node each, PostgresSaver, durability 'sync'",
    docs: 'https://docs.langchain.com/oss/javascript/langgraph/durable-execution',
    advice: 'key of thread and node; the caller invokes it again with null',
    module: 'langgraph/peer.mjs',
    variant: 'sync',
    packages: 'langgraph',
    kills: [AFTER_EFFECTS],
  },
  {
    name: 'langgraph-async',
    what: "LangGraph.js: the same with its default durability, 'async'",
    docs: 'https://docs.langchain.com/oss/javascript/langgraph/durable-execution',
    advice: 'key of thread and node; the caller invokes it again with null',
    module: 'langgraph/peer.mjs',
    packages: 'langgraph',
    // Whether a checkpoint has landed is a matter of time: twice.
    kills: [AFTER_EFFECTS, AFTER_EFFECTS],
  },
  {
    name: 'vercel-step',
    what: "Vercel workflow: 'use step', on its PostgreSQL world",
    docs: 'https://useworkflow.dev/docs/foundations/idempotency',
    advice: 'key by getStepMetadata().stepId; the default of three retries; the world started with the server',
    module: 'vercel/peer.mjs',
    packages: 'vercel',
    preparation: 'vercel-build.ts',
    kills: [AFTER_EFFECTS],
  },
  {
    name: 'inngest-run',
    what: 'Inngest: step.run',
    docs: 'https://www.inngest.com/docs/guides/handling-idempotency',
    advice: "key of run and step; the SDK's defaults: checkpointing, four retries; its server on SQLite",
    module: 'inngest/peer.mjs',
    packages: 'inngest',
    server: 'inngest',
    kills: [AFTER_EFFECTS],
    // It calls the app again some 45 seconds after it could not be reached.
    patienceMs: 80_000,
  },
];
