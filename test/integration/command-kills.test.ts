/**
 * A worker is killed by SIGKILL while it runs a command, and at every point of applying what the command made: its
 * successor ends with the whole of it, and until it is being applied nothing of it is there. No process and no copy stays.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { GENESIS } from '../../src/model/record.ts';
import type { TestJobMemory } from '../../src/testing.ts';
import { filesIn } from '../fault/support/kill-run.ts';
import type { CommandEnd, CommandOrder } from '../support/command-child.ts';

const CHILD = new URL('../support/command-child.ts', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'holdfast-command-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Every kind of change, in this order within the command. */
const CHANGES = [
  'sed -i s/file/FILE/ src/*.txt', 'chmod 755 tool.sh', 'rm gone.txt', 'rm -r old', 'mkdir -p new/deep/empty', 'echo new > new/deep/n.txt', 'ln -s ../tool.sh new/link', 'ln -sfn src link',
  'rm becomes-folder', 'mkdir becomes-folder', 'echo in > becomes-folder/in.txt', 'rm -r becomes-file', 'echo file > becomes-file', 'chmod 700 locked', 'head -c 200000 /dev/zero > big.bin',
];
const RUN = CHANGES.join(' && ');

function prepare(name: string, files = 12): string {
  const workspace = mkdtempSync(join(root, `${name}-`));
  for (const folder of ['src', 'old/deep', 'becomes-file/in', 'locked']) mkdirSync(join(workspace, folder), { recursive: true });
  for (let index = 0; index < files; index++) writeFileSync(join(workspace, `src/${index}.txt`), `file ${index}\n`);
  for (const path of ['gone.txt', 'old/x.txt', 'old/deep/y.txt', 'becomes-folder', 'becomes-file/in/z.txt', 'locked/l.txt', 'tool.sh']) writeFileSync(join(workspace, path), `${path}\n`);
  symlinkSync('tool.sh', join(workspace, 'link'));
  chmodSync(join(workspace, 'old/deep'), 0o750);
  for (const path of readdirSync(join(workspace, 'src'))) utimesSync(join(workspace, 'src', path), 1_600_000_000, 1_600_000_000);
  return workspace;
}

function memory(name: string): TestJobMemory {
  return { workflowId: name, firstRunId: 'run-1', runId: 'run-1', term: 0, known: { seq: 0, head: GENESIS }, steps: [], generations: {} };
}

function start(order: CommandOrder): { readonly child: ChildProcess; readonly end: Promise<CommandEnd | undefined> } {
  const child = spawn(process.execPath, [CHILD, 'command', JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_COMPILE_CACHE: join(root, 'compiled') } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const end = new Promise<CommandEnd | undefined>((resolve, reject) => child.once('close', (code, signal) => {
    if (signal === 'SIGKILL') return resolve(undefined);
    if (code !== 0) return reject(new Error(stderr));
    resolve(JSON.parse(stdout.trim().split('\n').at(-1)!) as CommandEnd);
  }));
  return { child, end };
}

async function run(order: CommandOrder): Promise<CommandEnd | undefined> {
  return await start(order).end;
}

function leftCopies(workspace: string): readonly string[] {
  const folder = join(workspace, '.holdfast/commands');
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Before it, nothing of what the command made may be in the workspace. */
const FIRST_OF_APPLYING = 'applying.after';

async function killEverywhere(files: number, chooseHits: (count: number) => readonly number[], only?: (point: string) => boolean): Promise<void> {
  const reference = prepare('reference', files);
  const before = filesIn(reference);
  const hitsPath = join(root, `hits-${files}`);
  const order = (workspace: string): CommandOrder => ({ workspace, run: RUN, memory: memory(`kills-${files}`) });
  const end = await run({ ...order(reference), hits: hitsPath });
  assert.ok(end !== undefined && 'output' in end, JSON.stringify(end));
  const wanted = filesIn(reference);
  assert.notDeepEqual(wanted, before);
  const hits = readFileSync(hitsPath, 'utf8').trim().split('\n');
  const applyingFrom = hits.indexOf(FIRST_OF_APPLYING);
  const counts = new Map<string, number>();
  for (const point of hits) counts.set(point, (counts.get(point) ?? 0) + 1);
  const kills = [...counts].filter(([point]) => only?.(point) ?? true).flatMap(([point, count]) => chooseHits(count).map((hit) => ({ point, hit })));
  const placeOf = ({ point, hit }: { readonly point: string; readonly hit: number }): number => hits.flatMap((name, index) => (name === point ? [index] : []))[hit - 1]!;
  const failures: string[] = [];
  const total = kills.length;
  const runNext = async (): Promise<void> => {
    for (let kill = kills.shift(); kill !== undefined; kill = kills.shift()) {
      const at = kill;
      try {
        const workspace = prepare('killed', files);
        assert.equal(await run({ ...order(workspace), kill: at }), undefined, 'it was to be killed there');
        if (placeOf(at) < applyingFrom) assert.deepEqual(withoutOurs(filesIn(workspace)), before, 'nothing of it is there');
        const then = await run(order(workspace));
        assert.ok(then !== undefined && 'output' in then, JSON.stringify(then));
        assert.deepEqual(filesIn(workspace), wanted, 'all of it is there');
        assert.deepEqual(leftCopies(workspace), []);
        rmSync(workspace, { recursive: true });
      } catch (error) {
        failures.push(`hit ${at.hit} of ${at.point}: ${(error as Error).message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, runNext));
  assert.ok(total > 10, `${total} kills`);
  assert.deepEqual(failures, []);
}

/** What is prepared beside the targets bears our name. */
function withoutOurs(files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.split('/').some((part) => part.startsWith('.holdfast'))));
}

test('killed at every fault point of a command and of applying it, it ends with the whole of what the command changed', async () => {
  await killEverywhere(12, process.env['HOLDFAST_KILLS'] === 'all' ? (count) => Array.from({ length: count }, (_, index) => index + 1) : (count) => [...new Set([1, count])]);
});

test('the same where so many files are changed that they are committed in batches', async () => {
  await killEverywhere(180, (count) => [...new Set([Math.ceil(count / 3), count])], (point) => point.startsWith('commit.') || point.startsWith('fsync-folder') || point.startsWith('rename') || point.startsWith('record'));
});

test('killed while the command is half-way: the command ends with its worker, nothing of it is there, and it runs again', async () => {
  const workspace = prepare('half-way');
  const before = filesIn(workspace);
  const started = join(root, 'started');
  const line = `sed -i s/file/FILE/ src/*.txt; echo $$ >> ${started}; if [ $(wc -l < ${started}) = 1 ]; then sleep 321; fi; echo done > done.txt`;
  const { child, end } = start({ workspace, run: line, memory: memory('half-way') });
  await until(() => existsSync(started));
  await delay(100);
  assert.equal(leftCopies(workspace).length, 2, 'its copy, and whose it is');
  child.kill('SIGKILL');
  assert.equal(await end, undefined);
  await until(() => !isRunning('sleep 321'));
  assert.deepEqual(filesIn(workspace), before);
  const then = await run({ workspace, run: line, memory: memory('half-way') });
  assert.ok(then !== undefined && 'output' in then, JSON.stringify(then));
  assert.equal(readFileSync(join(workspace, 'done.txt'), 'utf8'), 'done\n');
  assert.equal(readFileSync(join(workspace, 'src/0.txt'), 'utf8'), 'FILE 0\n');
  assert.deepEqual(leftCopies(workspace), []);
});

test('what a killed worker’s command has left running in a session of its own is ended before the next comparison', async () => {
  const workspace = prepare('daemon');
  const started = join(root, 'daemon-started');
  const line = `if [ ! -e ${started} ]; then setsid sleep 331 & touch ${started}; sleep 332; fi; echo done > done.txt`;
  const { child, end } = start({ workspace, run: line, memory: memory('daemon') });
  await until(() => existsSync(started));
  await delay(100);
  child.kill('SIGKILL');
  await end;
  const then = await run({ workspace, run: line, memory: memory('daemon') });
  assert.ok(then !== undefined && 'output' in then, JSON.stringify(then));
  assert.equal(isRunning('sleep 331'), false);
  assert.deepEqual(leftCopies(workspace), []);
});

async function until(holds: () => boolean): Promise<void> {
  for (let waitedMs = 0; !holds(); waitedMs += 20) {
    assert.ok(waitedMs < 20_000, 'it took too long');
    await delay(20);
  }
}

function isRunning(line: string): boolean {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() === line;
    } catch {
      return false;
    }
  });
}
