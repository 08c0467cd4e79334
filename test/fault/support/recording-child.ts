/**
 * A worker process that runs the whole job. Under recording-io.so: what it does to the disk is noted, and between those
 * notes what its Workflow knows by then. Its answer is how the job has ended.
 */
import { appendFileSync } from 'node:fs';
import { driveDiskJob, endOf, fresh, type DiskEnd, type DiskPlaces } from './disk-job.ts';

export interface RecordingOrder {
  readonly places: DiskPlaces;
  readonly log: string;
}

export interface Recorded {
  readonly end: DiskEnd;
  readonly asked: readonly string[];
}

const { places, log } = JSON.parse(process.argv[2]!) as RecordingOrder;
const kept = await driveDiskJob(places, fresh(), {
  keep: (one) => {
    const text = JSON.stringify(one);
    appendFileSync(log, `kept\t${Buffer.byteLength(text)}\n${text}`);
  },
});
const recorded: Recorded = { end: await endOf(places, kept), asked: kept.asked };
process.stdout.write(JSON.stringify(recorded));
