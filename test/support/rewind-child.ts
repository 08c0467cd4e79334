/** A worker process that rewinds a job, and may kill itself. Its answer is what came of it. */
import { setFaultHook } from '../../src/store/fault-point.ts';
import { killingHook, type Killing } from './killing.ts';
import { openRewoundJob, type RewoundPlace } from './rewound-job.ts';

export interface RewindOrder extends RewoundPlace, Killing {
  /** Absent: the latest rewind is undone. */
  readonly to?: number;
}

const order = JSON.parse(process.argv[2]!) as RewindOrder;
setFaultHook(killingHook(order));
const job = openRewoundJob(order);
try {
  process.stdout.write(JSON.stringify(await job.rewind(order.to === undefined ? { undo: true } : { to: order.to })));
} finally {
  await job.close();
}
