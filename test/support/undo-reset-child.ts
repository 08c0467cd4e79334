/** A worker process of a Run that was reset: it answers `undo` to what the Run has forgotten, and may kill itself. */
import { setFaultHook } from '../../src/store/fault-point.ts';
import { killingHook, type Killing } from './killing.ts';
import { openRewoundJob, type RewoundPlace } from './rewound-job.ts';

export interface ResetOrder extends RewoundPlace, Killing {}

export interface ResetAnswer {
  /** The kinds of what came of each comparison and decision. */
  readonly kinds: readonly string[];
}

const order = JSON.parse(process.argv[2]!) as ResetOrder;
setFaultHook(killingHook(order));
const job = openRewoundJob(order);
try {
  const kinds: string[] = [];
  const first = await job.verify();
  kinds.push(first.kind);
  if (first.kind === 'question') {
    kinds.push((await job.decide(first.question, { answer: 'undo' })).kind);
    kinds.push((await job.verify()).kind);
  }
  process.stdout.write(JSON.stringify({ kinds } satisfies ResetAnswer));
} finally {
  await job.close();
}
