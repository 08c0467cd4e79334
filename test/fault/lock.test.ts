/** The lock between real processes: a holder is killed, stopped or slow, or its lock file is replaced. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFailure } from '../../src/model/failure.ts';
import { readHolders } from '../../src/store/lock/holder-file.ts';
import { openWorkspaceLock } from '../../src/store/lock/lock.ts';
import { ended } from '../support/child-process.ts';
import { inContainer, withoutContainers } from '../support/container.ts';
import { untilTrue } from '../support/until.ts';

const CHILD = new URL('./lock-child.ts', import.meta.url).pathname;
let directory: string;
let children: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-lock-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) {
    child.kill('SIGKILL');
    await ended(child);
  }
  rmSync(directory, { recursive: true, force: true });
});

async function startHolder(holdMs: number, stillMs = 30_000): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CHILD, directory, 'a test', String(holdMs), String(stillMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = (await once(child.stdout!, 'data')) as [Buffer];
  assert.equal(said.toString().split('\n')[0], 'held');
  return child;
}

test('a holder that is killed releases the lock at once', async () => {
  const child = await startHolder(60_000);
  const lock = openWorkspaceLock(directory);
  const waiting = lock.hold('successor', async () => performance.now());
  await sleep(100);
  const killedAt = performance.now();
  child.kill('SIGKILL');
  const takenAt = await waiting;
  assert.ok(takenAt > killedAt && takenAt - killedAt < 1_000, `took ${takenAt - killedAt} ms`);
  lock.close();
});

test('a waiter is told who holds the lock and what for', async () => {
  const child = await startHolder(60_000);
  await sleep(300);
  const lock = openWorkspaceLock(directory);
  await assert.rejects(
    lock.hold('waiter', async () => {}, { waitMs: 400 }),
    (error) =>
      isFailure(error, 'busy') && error.message.includes(`process ${child.pid}`) && error.message.includes('a test'),
  );
  lock.close();
});

test(
  'a holder that stands still in another container is named: who, since when, that it lives, and what to do',
  { skip: withoutContainers },
  async () => {
    const [program, ...args] = inContainer({ host: 'hosta' }, [
      process.execPath,
      CHILD,
      directory,
      'a test',
      '60000',
      '300',
    ]);
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await once(child.stdout, 'data');
    await untilTrue(() => readdirSync(join(directory, 'holders')).length > 0);
    await sleep(400);
    const inner = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0]);
    // Not in the middle of writing its file.
    const hasSaid = (): boolean => readHolders(directory).length > 0;
    do {
      process.kill(inner, 'SIGCONT');
      await sleep(50);
      process.kill(inner, 'SIGSTOP');
    } while (!hasSaid());
    const lock = openWorkspaceLock(directory, { stillMs: 800 });
    const busy = async (): Promise<string> =>
      await lock
        .hold('waiter', async () => 'the lock was free', { waitMs: 1_200 })
        .catch((error: Error) => error.message);
    const told = await busy();
    assert.match(told, /held by process 1 on hosta \(a test, since 20/);
    assert.match(told, /It lives, since the system keeps its lock, but its last sign was at 20/);
    assert.match(told, /kill -CONT 1.*kill -KILL 1, or stop the container hosta/s);
    process.kill(inner, 'SIGCONT');
    await sleep(300);
    assert.doesNotMatch(await busy(), /stands still/);
    lock.close();
  },
);

test('a stopped holder is ended once its beat was seen standing still', async () => {
  const child = await startHolder(60_000, 1_200);
  child.kill('SIGSTOP');
  const lock = openWorkspaceLock(directory, { stillMs: 1_200 });
  const startedAt = performance.now();
  await lock.hold('successor', async () => {}, { waitMs: 10_000 });
  assert.ok(performance.now() - startedAt >= 1_200, 'not before it was seen standing still long enough');
  await ended(child);
  assert.equal(child.signalCode, 'SIGKILL');
  lock.close();
});

test('a stopped holder is not ended when it goes on in time', async () => {
  const child = await startHolder(3_000, 1_500);
  child.kill('SIGSTOP');
  const lock = openWorkspaceLock(directory, { stillMs: 1_500 });
  const waiting = lock.hold('successor', async () => {}, { waitMs: 15_000 });
  await sleep(900);
  child.kill('SIGCONT');
  await waiting;
  await ended(child);
  assert.equal(child.exitCode, 0);
  lock.close();
});

test('a slow holder whose main loop runs is never ended', async () => {
  const child = await startHolder(3_500, 600);
  const lock = openWorkspaceLock(directory, { stillMs: 600 });
  await assert.rejects(
    lock.hold('waiter', async () => {}, { waitMs: 2_500 }),
    (error) => isFailure(error, 'busy'),
  );
  assert.equal(child.signalCode, null);
  await lock.hold('waiter', async () => {});
  await ended(child);
  assert.equal(child.exitCode, 0);
  lock.close();
});

test('a holder that nobody can identify is never ended', async () => {
  const child = await startHolder(60_000, 500);
  child.kill('SIGSTOP');
  rmSync(join(directory, 'holders'), { recursive: true });
  const lock = openWorkspaceLock(directory, { stillMs: 500 });
  await assert.rejects(
    lock.hold('waiter', async () => {}, { waitMs: 2_000 }),
    (error) => isFailure(error, 'busy'),
  );
  assert.equal(child.signalCode, null);
  lock.close();
});

test('a lock on a directory that was replaced is taken anew on the one that is there', async () => {
  const own = join(directory, 'workspace');
  const lock = openWorkspaceLock(own);
  await lock.hold('first', async () => {});
  renameSync(own, `${own}.old`);
  const replacement = openWorkspaceLock(own);
  await lock.hold('second', async () => {
    const { ino } = statSync(join(own, 'lock.sqlite'));
    assert.match(readFileSync('/proc/locks', 'latin1'), new RegExp(`WRITE ${process.pid} \\S+:${ino} `));
  });
  lock.close();
  replacement.close();
});

test('many processes never hold it together', async () => {
  const log = join(directory, 'log');
  const script = `
    import { appendFileSync } from 'node:fs';
    import { openWorkspaceLock } from ${JSON.stringify(new URL('../../src/store/lock/lock.ts', import.meta.url).href)};
    const lock = openWorkspaceLock(${JSON.stringify(directory)});
    for (let turn = 0; turn < 25; turn++) {
      await lock.hold('turn', async () => {
        appendFileSync(${JSON.stringify(log)}, process.pid + ' in\\n');
        await new Promise((resolve) => setTimeout(resolve, 1));
        appendFileSync(${JSON.stringify(log)}, process.pid + ' out\\n');
      });
    }
    lock.close();`;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      children.push(child);
      const [code] = (await once(child, 'exit')) as [number];
      assert.equal(code, 0);
    }),
  );
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  assert.equal(lines.length, 200);
  for (let index = 0; index < lines.length; index += 2)
    assert.equal(lines[index]!.replace('in', 'out'), lines[index + 1]);
  assert.deepEqual(readdirSync(join(directory, 'holders')), [], 'each process removes its own holder file');
});
