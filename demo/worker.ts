/**
 * The demo's worker, a process of its own. `HOLDFAST_DEMO_DIE_WHEN` names a file: once it is there, the process ends
 * itself by SIGKILL before the next record is written, that is between an effect and its record.
 */
import { existsSync, readFileSync } from 'node:fs';
import { setFaultHook } from '../src/store/fault-point.ts';
import { createWorker } from '../src/worker.ts';
import { steps } from './steps.ts';

const dieWhen = process.env['HOLDFAST_DEMO_DIE_WHEN'] ?? '';
if (dieWhen !== '') {
  setFaultHook((point) => {
    if (point === 'record.before' && existsSync(dieWhen)) process.kill(process.pid, 'SIGKILL');
  });
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
