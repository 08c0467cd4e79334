/** A worker process that undoes the saga, and kills itself where it is told. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { openTestJob, QuestionAsked, type TestJobMemory } from '../../src/testing.ts';
import { sagaSteps, type SagaPlaces } from './saga.ts';

export interface UndoOrder extends SagaPlaces {
  readonly memory: TestJobMemory;
  readonly kill?: { readonly point: string; readonly hit: number };
  /** Of these points the first is where it ends; the others are over. A file, one a line. */
  readonly everyPoint?: string;
  /** Every hit is written here. */
  readonly hits?: string;
}

const order = JSON.parse(process.argv[2]!) as UndoOrder;
const over = new Set(
  order.everyPoint !== undefined && existsSync(order.everyPoint)
    ? readFileSync(order.everyPoint, 'utf8').split('\n')
    : [],
);
let hits = 0;
setFaultHook((point) => {
  if (order.hits !== undefined) appendFileSync(order.hits, `${point}\n`);
  if (order.everyPoint !== undefined && !over.has(point)) {
    appendFileSync(order.everyPoint, `${point}\n`);
    process.kill(process.pid, 'SIGKILL');
  }
  if (point !== order.kill?.point) return;
  hits += 1;
  if (hits === order.kill.hit) process.kill(process.pid, 'SIGKILL');
});
const job = openTestJob({
  workspace: order.workspace,
  resume: order.memory,
  steps: sagaSteps(order),
  databases: { main: '${{ env.DATABASE_URL }}' },
  env: { DATABASE_URL: order.databaseUrl },
  http: { hosts: [order.url] },
  workerId: `worker-${process.pid}`,
});
try {
  process.stdout.write(JSON.stringify({ report: await job.undo() }));
} catch (error) {
  if (!(error instanceof QuestionAsked)) throw error;
  process.stdout.write(JSON.stringify({ question: error.question }));
} finally {
  await job.close();
}
