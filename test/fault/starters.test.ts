/** What is started ends with its starter, however that ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { untilTrue } from '../support/until.ts';

const WORKER = fileURLToPath(new URL('../../bench/worker-process.ts', import.meta.url));

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('the worker of a benchmark ends with whoever measures, also by SIGKILL', async () => {
  const source =
    `import { fork } from 'node:child_process';` +
    `const child = fork(${JSON.stringify(WORKER)}, { execArgv: ['--conditions=holdfast-source'], ` +
    `stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });` +
    `process.stdout.write(String(child.pid) + '\\n'); setInterval(() => undefined, 1_000);`;
  const starter = spawn(process.execPath, ['--conditions=holdfast-source', '--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(starter.stdout, 'data')) as [Buffer];
  const worker = Number(line.toString());
  // It takes a while until it has loaded what it needs, and waits for its order.
  await delay(3_000);
  assert.ok(isThere(worker), 'it ends by itself');
  starter.kill('SIGKILL');
  await untilTrue(() => !isThere(worker), { limitMs: 10_000 });
});
