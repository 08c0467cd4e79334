/**
 * A worker process that undoes the saga, and may kill itself. Its answer is the report, or the question that it met.
 */
import { setFaultHook } from '../../src/store/fault-point.ts';
import { QuestionAsked, type TestJobMemory } from '../../src/testing.ts';
import { openChildJob } from './child-job.ts';
import { killingHook, type Killing } from './killing.ts';
import { sagaSteps, type SagaPlaces } from './saga.ts';

export interface UndoOrder extends SagaPlaces, Killing {
  readonly memory: TestJobMemory;
}

const order = JSON.parse(process.argv[2]!) as UndoOrder;
setFaultHook(killingHook(order));
const job = openChildJob(order, sagaSteps(order));
try {
  process.stdout.write(JSON.stringify({ report: await job.undo() }));
} catch (error) {
  if (!(error instanceof QuestionAsked)) throw error;
  process.stdout.write(JSON.stringify({ question: error.question }));
} finally {
  await job.close();
}
