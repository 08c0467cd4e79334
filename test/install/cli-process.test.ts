/** The program itself, as a process: a server and a worker of its own, pipes, Ctrl-C. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { after, test } from 'node:test';

const program = join(import.meta.dirname, '../../src/cli.ts');
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-cli-process-')));
const env = { ...process.env, TEMPORAL_ADDRESS: '', TEMPORAL_NAMESPACE: '', HOLDFAST_STATE_DIR: join(folder, 'state') };

type Child = ChildProcessByStdio<null, Readable, Readable>;
const children = new Set<Child>();

after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function start(args: readonly string[], extra: NodeJS.ProcessEnv = {}): Child {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { ...env, ...extra },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  child.once('close', () => children.delete(child));
  return child;
}

async function end(
  child: Child,
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

/** The first JSON document that a program prints. */
async function firstDocument<T>(child: Child): Promise<T> {
  let text = '';
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    try {
      return JSON.parse(text) as T;
    } catch {
      // The document is not complete yet.
    }
  }
  throw new Error(`it ended before it was ready:\n${text}\n${errors}`);
}

test(
  'dev has a server and a worker; a job runs there; its port is taken, and Ctrl-C ends both',
  { timeout: 90_000 },
  async () => {
    writeFileSync(
      join(folder, 'plan.yaml'),
      'schemaVersion: 1\nname: hello\nworkspace: ws\nsteps: [{ id: hello, use: file.write, with: { path: ' +
        'hello.txt, content: hello } }]\n',
    );
    const dev = start(['dev', '--port', '0', '--ui-port', '0', '--json']);
    const { address, uiUrl, workspaceRoot } = await firstDocument<{
      address: string;
      uiUrl: string;
      workspaceRoot: string;
    }>(dev);
    assert.equal(workspaceRoot, folder);
    assert.equal((await fetch(uiUrl)).status, 200);

    const job = await end(start(['start', 'plan.yaml', '--wait', '--json'], { TEMPORAL_ADDRESS: address }));
    assert.equal(job.code, 0, job.err);
    assert.equal((JSON.parse(job.out) as { outcome: string }).outcome, 'completed');

    const waiting = await end(start(['start', 'plan.yaml', '--json', '-q', 'second'], { TEMPORAL_ADDRESS: address }));
    const { workflowId } = JSON.parse(waiting.out) as { workflowId: string };
    const unanswered = await end(start(['status', workflowId], { TEMPORAL_ADDRESS: address }));
    assert.deepEqual([unanswered.code, unanswered.out], [5, '']);
    const told = /^(.+ …\n)*holdfast: Job hello-\w+ cannot be asked: no worker is running on Task Queue /;
    assert.match(unanswered.err, new RegExp(String.raw`${told.source}second\. No `));
    assert.match(
      unanswered.err,
      /\nNext: Start one .*`holdfast worker --task-queue second --workspace-root FOLDER`.*\n$/,
    );

    const worker = start(['worker', '--json', '-q', 'second'], { TEMPORAL_ADDRESS: address });
    assert.equal((await firstDocument<{ taskQueue: string }>(worker)).taskQueue, 'second');
    const stopped = end(worker);
    worker.kill('SIGTERM');
    assert.equal((await stopped).code, 0);

    const beside = await end(start(['dev', '--port', address.split(':')[1]!, '--ui-port', '0']));
    assert.equal(beside.code, 2);
    const next = /If a Temporal server runs there already, start only a worker: holdfast worker\. Else take free ports/;
    assert.match(beside.err, new RegExp(String.raw`is taken by another program\..*\nNext: ${next.source}`));

    const ended = end(dev);
    dev.kill('SIGINT');
    assert.equal((await ended).code, 0);
    const listed = await end(start(['list', '--json'], { TEMPORAL_ADDRESS: address }));
    assert.equal(listed.code, 5);
    assert.match(listed.out, /connection refused/);
  },
);

test(
  'a worker without a server, and a configuration that cannot be loaded, are told at once',
  { timeout: 30_000 },
  async () => {
    const worker = await end(start(['worker'], { TEMPORAL_ADDRESS: '127.0.0.1:1' }));
    assert.equal(worker.code, 5);
    assert.match(worker.err, /No Temporal server answers at 127\.0\.0\.1:1/);
    const dev = await end(start(['dev', '--config', 'none.ts']));
    assert.equal(dev.code, 2);
    assert.match(dev.err, /There is no configuration file .*none\.ts, which --config names\./);
  },
);

test('a reader that has seen enough is no failure', { timeout: 30_000 }, async () => {
  const child = start(['--help']);
  child.stdout.destroy();
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.equal(code, 0);
});
