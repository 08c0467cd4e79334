/**
 * The demo's worker, a process of its own. `HOLDFAST_DEMO_DIE_WHEN` names a file: once it is there, the process ends
 * itself by SIGKILL before the next record is written, that is between an effect and its record.
 * `HOLDFAST_DEMO_WITNESS` names a folder that gets a copy of the job's folder after each record, to compare it with
 * what the record tells.
 */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFaultHook } from '../src/store/fault-point.ts';
import { createWorker } from '../src/worker.ts';
import { steps } from './steps.ts';

const dieWhen = process.env['HOLDFAST_DEMO_DIE_WHEN'] ?? '';
const witness = process.env['HOLDFAST_DEMO_WITNESS'] ?? '';
if (dieWhen !== '' || witness !== '')
  setFaultHook((point) => {
    if (dieWhen !== '' && point === 'record.before' && existsSync(dieWhen)) process.kill(process.pid, 'SIGKILL');
    if (witness !== '' && (point === 'record.after' || point === 'repair.record-after')) copyToWitness();
  });

function copyToWitness(): void {
  const workspace = join(process.env['HOLDFAST_DEMO_ROOT']!, 'seattle-weather');
  const place = join(witness, String(readdirSync(witness).length));
  cpSync(workspace, place, { recursive: true, filter: (path) => !path.endsWith('/.holdfast') });
}

const worker = await createWorker({
  taskQueue: process.env['HOLDFAST_DEMO_QUEUE']!,
  workspaceRoot: process.env['HOLDFAST_DEMO_ROOT']!,
  workflowBundle: { code: readFileSync(process.env['HOLDFAST_DEMO_BUNDLE']!, 'utf8'), sourceMap: '' },
  steps,
});
// The demo holds the other end; when it is gone, nobody would end this process.
process.once('disconnect', () => worker.shutdown());
const running = worker.run();
process.send?.('polling');
await running;
if (process.connected) process.disconnect();
