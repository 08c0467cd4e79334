/**
 * A worker process that undoes the saga, and may kill itself. Its answer is the report, or the question that it met.
 */
import { setFaultHook } from '../../src/store/fault-point.ts';
import { openTestJob, QuestionAsked, type TestJobMemory } from '../../src/testing.ts';
import { killingHook, type Killing } from './killing.ts';
import { sagaSteps, type SagaPlaces } from './saga.ts';

export interface UndoOrder extends SagaPlaces, Killing {
  readonly memory: TestJobMemory;
}

const order = JSON.parse(process.argv[2]!) as UndoOrder;
setFaultHook(killingHook(order));
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
