/** A crash test that is ended from outside: by Ctrl-C, twice, by SIGKILL. Nothing of it is left. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { crashTest } from '../../src/testing.ts';
import { postgresCopies } from '../support/postgres-copies.ts';
import { ownPostgres } from '../support/postgres.ts';
import { processesWhere } from '../support/process-list.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';

const { address, namespace } = await testTemporal();
const postgres = await ownPostgres();
const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'holdfast-crash-ended-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const temporary = path.join(folder, 'tmp');
mkdirSync(temporary);
// Of this process, too: it makes the next test.
process.env['TMPDIR'] = temporary;
process.env['BOOKS_URL'] = await postgres.database();

const PROGRAM = path.join(import.meta.dirname, '../../src/cli.ts');
const PLAN = {
  schemaVersion: 1 as const,
  name: 'writing',
  workspace: 'writing',
  databases: { books: { url: '${{ env.BOOKS_URL }}' } },
  steps: [{ id: 'draft', use: 'file.write', with: { path: 'draft.md', content: 'Hello' } }],
};
writeFileSync(path.join(folder, 'plan.json'), JSON.stringify(PLAN));

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  readonly printed: { err: string; out: string };
}

function start(...words: readonly string[]): Started {
  const server = ['--address', address, '--namespace', namespace, '--at-once', '2'];
  const args = [...process.execArgv.filter((word) => word.startsWith('--conditions')), PROGRAM];
  const child = spawn(process.execPath, [...args, 'crash-test', 'plan.json', ...server, ...words], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  after(() => child.kill('SIGKILL'));
  const printed = { err: '', out: '' };
  child.stdout.on('data', (chunk) => (printed.out += String(chunk)));
  child.stderr.on('data', (chunk) => (printed.err += String(chunk)));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, ended, printed };
}

async function said({ printed }: Started, text: string): Promise<void> {
  await untilTrue(() => printed.err.includes(text), { what: `${text}\n${printed.err}`, limitMs: 120_000 });
}

function workers(): readonly string[] {
  return processesWhere((line) => line.includes(temporary) && line.includes('crash-test/child/main'));
}

/** Workers that were stopped by SIGSTOP: state T in /proc. */
function standing(): readonly number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const state = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '');
      return line.includes(temporary) && line.includes('crash-test/child/main') && state.startsWith('T')
        ? [Number(pid)]
        : [];
    } catch {
      return [];
    }
  });
}

// Where the test fails, nobody else ends them.
after(() => {
  for (const pid of standing()) process.kill(pid, 'SIGKILL');
});

async function nothingIsLeft(): Promise<void> {
  await untilTrue(() => workers().length === 0, { what: 'the end of the workers' });
  assert.deepEqual(readdirSync(temporary), []);
  assert.deepEqual(await postgresCopies(postgres.adminUrl), []);
}

/** Another crash test, which ends before it runs anything. */
async function nextTest(): Promise<void> {
  const reason = new Error('enough');
  const ending = crashTest({ plan: PLAN, address, namespace, signal: AbortSignal.abort(reason) });
  await assert.rejects(ending, (error) => error === reason);
}

test('Ctrl-C ends what is under way at once, tells what is done, and leaves nothing', async () => {
  const started = start();
  await said(started, ' same');
  started.child.kill('SIGINT');
  assert.equal(await started.ended, 130, started.printed.err);
  assert.match(started.printed.out, /^\d+ cases? in \d+ s/m);
  assert.doesNotMatch(started.printed.out, /did not end|stuck +[1-9]/);
  await nothingIsLeft();
});

test('Ctrl-C while nothing is tested yet says so', async () => {
  const started = start();
  await said(started, 'undisturbed, twice');
  started.child.kill('SIGINT');
  assert.equal(await started.ended, 130, started.printed.err);
  assert.match(started.printed.out, /^Ended before any case: nothing was tested\.$/m);
  await nothingIsLeft();
});

test('a second Ctrl-C leaves no worker and no folder; copies of databases are named; the next drops them', async () => {
  const started = start();
  await said(started, ' same');
  started.child.kill('SIGINT');
  await said(started, 'Ctrl-C again');
  started.child.kill('SIGINT');
  assert.equal(await started.ended, 130);
  await untilTrue(() => workers().length === 0, { what: 'the end of the workers' });
  const left = (await postgresCopies(postgres.adminUrl)).map(String);
  for (const database of left) assert.ok(started.printed.err.includes(`Left behind: database ${database} on`));
  for (const name of readdirSync(temporary))
    assert.deepEqual(readdirSync(path.join(temporary, name)).toSorted(), ['databases', 'owner.json']);
  await nextTest();
  await nothingIsLeft();
});

test('after a SIGKILL the next crash test ends a worker that stands still, and removes folder and copies', async () => {
  const started = start('--points', 'freeze@draft/user-code.after:1');
  await untilTrue(() => standing().length > 0, { what: 'the frozen worker', limitMs: 120_000 });
  started.child.kill('SIGKILL');
  await started.ended;
  await untilTrue(() => workers().length === 1, { what: 'the end of the worker that does not stand still' });
  assert.notDeepEqual(readdirSync(temporary), []);
  await nextTest();
  await nothingIsLeft();
});
