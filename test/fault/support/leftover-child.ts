/**
 * A worker that freezes (SIGSTOP) in the middle of one request and is woken later. It says what came of the request in
 * the file `outcome`: a result's kind, or a failure's type.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFailure } from '../../../src/model/failure.ts';
import { setFaultHook, type FaultPoint } from '../../../src/store/fault-point.ts';
import { DrivenJob } from './driven-job.ts';
import { JobHistory } from './job-history.ts';
import { answerKillJob, beforeSummary, killJobSteps, type KillJobPlaces } from './kill-job.ts';

export interface LeftoverOrder extends KillJobPlaces {
  readonly history: string;
  readonly currentRun: string;
  readonly runId: string;
  readonly stopAt: FaultPoint;
  readonly request: 'step' | 'verification';
}

const order = JSON.parse(process.argv[2]!) as LeftoverOrder;
const job = new DrivenJob({
  workspace: order.workspace,
  history: new JobHistory(order.history),
  steps: killJobSteps(order),
  databases: { main: 'sqlite:db/main.db' },
  env: {},
  answer: answerKillJob,
  runId: order.runId,
  currentRunId: () => readFileSync(order.currentRun, 'utf8'),
});
await beforeSummary(job, order);
await job.verify('asked', 'so that this worker is covered');
let isFrozen = false;
setFaultHook((point) => {
  if (isFrozen || point !== order.stopAt) return;
  isFrozen = true;
  process.kill(process.pid, 'SIGSTOP');
});
let outcome: string;
try {
  const result =
    order.request === 'step' ? await job.ask('summary', 'summary', {}) : await job.compare('asked', 'by a leftover');
  outcome = result.kind;
} catch (error) {
  outcome = isFailure(error) ? error.type : String(error);
}
await job.close();
writeFileSync(join(order.outside, 'outcome'), outcome);
