/**
 * A worker process of the kill matrix: drives the job on from its history, and may kill itself. Its one argument is a
 * JSON order.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { killingHook, type Killing } from '../../support/killing.ts';
import { DrivenJob } from './driven-job.ts';
import { JobHistory } from './job-history.ts';
import { answerKillJob, interfere, killJobSteps, runKillJob, type KillJobPlaces } from './kill-job.ts';

export interface KillOrder extends KillJobPlaces, Killing {}

const order = JSON.parse(process.argv[2]!) as KillOrder;
const kill = killingHook(order);
setFaultHook((point) => {
  if (point === 'commit.effect-marked') interfere(order);
  kill(point);
});

const isSqlite = order.databaseUrl.startsWith('sqlite:');
const job = new DrivenJob({
  workspace: order.workspace,
  history: new JobHistory(join(order.outside, 'history')),
  steps: killJobSteps(order),
  databases: { main: isSqlite ? 'sqlite:db/main.db' : '${{ env.DATABASE_URL }}' },
  env: { DATABASE_URL: order.databaseUrl },
  answer: answerKillJob,
});
const outputs = await runKillJob(job, order);
setFaultHook(undefined);
await job.close();
writeFileSync(join(order.outside, 'outputs'), JSON.stringify(outputs));
