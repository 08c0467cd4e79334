/**
 * One of several processes that clean up below one folder, or run jobs there, at once. They begin together. A process
 * that cleans up does so again and again until the jobs are over, and answers with its reports.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { collectBelow, type GcReport } from '../../../src/protocol/retention/gc.ts';
import { endedJob } from '../../support/ended-job.ts';

export interface GcRacerOrder {
  readonly root: string;
  readonly checkpoints: string;
  /** Of the process; a folder where so many wait for each other. */
  readonly name: string;
  readonly meeting: string;
  readonly racers: number;
  /** Cleans up until a file of this name is there; or this many times. */
  readonly collect?: { readonly until: string } | { readonly times: number };
  /** Runs so many jobs, one after the other, in a workspace of its name. */
  readonly jobs?: number;
  readonly nowMs?: number;
  readonly unusedForMs: number;
}

const order = JSON.parse(process.argv[2]!) as GcRacerOrder;
const { root, checkpoints, name, meeting, racers, collect, jobs = 0, nowMs, unusedForMs } = order;
const env = { CHECKPOINTS: checkpoints };

function isOver(times: number): boolean {
  return collect === undefined || ('times' in collect ? times >= collect.times : existsSync(collect.until));
}

async function runJobs(): Promise<readonly string[]> {
  const ids: string[] = [];
  const retention = { jobs: 1, archive: 'archives' };
  const checkpoint = { store: '${{ env.CHECKPOINTS }}', keep: 3 };
  for (let count = 0; count < jobs; count++)
    ids.push(await endedJob({ root, name, steps: 11, checkpoint, retention, env }));
  return ids;
}

writeFileSync(join(meeting, name), '');
while (readdirSync(meeting).length < racers) await delay(2);
const reports: GcReport[] = [];
for (let times = 0; !isOver(times); times++) {
  const now = nowMs ?? Date.now();
  reports.push(await collectBelow(root, { env, dryRun: false, nowMs: now, unusedForMs, store: checkpoints }));
  await delay(5);
}
process.stdout.write(JSON.stringify(jobs > 0 ? await runJobs() : reports));
