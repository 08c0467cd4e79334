/**
 * A worker process of the kill matrix: drives the job on from its history, and ends itself by SIGKILL where it is told.
 *
 * Its one argument is a JSON order. `kill`: point → at which hit of it (counted over all processes of the job, from 1);
 * `everyPoint`: at the first hit of each point that no process of the job was killed at before.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFaultHook, type FaultPoint } from '../../../src/store/fault-point.ts';
import { DrivenJob } from './driven-job.ts';
import { JobHistory } from './job-history.ts';
import { answerKillJob, interfere, killJobSteps, runKillJob, type KillJobPlaces } from './kill-job.ts';

export interface KillOrder extends KillJobPlaces {
  readonly kill?: Readonly<Record<string, number>>;
  readonly everyPoint?: boolean;
  /** Note every hit of a point: for the reference run. */
  readonly count?: boolean;
}

const order = JSON.parse(process.argv[2]!) as KillOrder;
const hitsPath = join(order.outside, 'hits');
const killedPath = join(order.outside, 'killed');
const killedBefore = new Set(existsSync(killedPath) ? readFileSync(killedPath, 'utf8').split('\n') : []);
const hits = new Map<string, number>();

setFaultHook((point: FaultPoint) => {
  if (point === 'commit.effect-marked') interfere(order);
  if (order.count === true) appendFileSync(hitsPath, `${point}\n`);
  const hit = (hits.get(point) ?? 0) + 1;
  hits.set(point, hit);
  const isTold =
    order.everyPoint === true ? !killedBefore.has(point) : killedBefore.size === 0 && order.kill?.[point] === hit;
  if (!isTold) return;
  appendFileSync(killedPath, `${point}\n`);
  process.kill(process.pid, 'SIGKILL');
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
