/** Runs a thread, kills its process in the second node with SIGKILL, and runs it again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

const thread = `example-${Date.now()}`;
console.log('A first process:');
await runThread('analyse …');
console.log('\nA second one:');
await runThread(undefined);

/** @param killAt the line at which the process is killed */
async function runThread(killAt: string | undefined): Promise<void> {
  const program = path.join(import.meta.dirname, 'thread.ts');
  const child = spawn(process.execPath, [...process.execArgv, program, thread], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(`  ${line}`);
    if (line === killAt) child.kill('SIGKILL');
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  if (signal !== null) console.log(`  (${signal})`);
  else if (code !== 0) process.exitCode = 1;
}
