/** Which workspaces a process keeps open: as few as it needs, and always those that are there now. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { MAX_OPEN_WORKSPACES } from '../../src/protocol/workspace/open-workspaces.ts';
import type { Workspace } from '../../src/protocol/workspace/workspace.ts';
import { Workspaces } from '../../src/protocol/workspace/workspaces.ts';

const LARGE = 'x'.repeat(200_000);
const SETTINGS = { databases: { main: 'sqlite:main.db' }, watch: [], verifyAfterMs: 0, plan: null };

let folder: string;
let workspaces: Workspaces;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-open-')));
  workspaces = new Workspaces(folder, {});
});

afterEach(async () => {
  await workspaces.close();
  rmSync(folder, { recursive: true, force: true });
});

async function withLedger(name: string): Promise<Workspace> {
  const workspace = workspaces.create(name);
  await workspace.exclusive('open', () => undefined, { create: true });
  return workspace;
}

/** Files below a folder that this process has open. */
function openFiles(name: string): number {
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return realpathSync(`/proc/self/fd/${descriptor}`).startsWith(join(folder, name));
    } catch {
      return false;
    }
  }).length;
}

test('a folder that was removed and made again is another workspace: nothing of the old one is used', async () => {
  const old = await withLedger('w');
  await old.blobs.put(LARGE);
  const before = await old.database('main', SETTINGS);
  await before.ensureHoldfastTables();
  rmSync(join(folder, 'w'), { recursive: true });
  mkdirSync(join(folder, 'w'));
  const renewed = await withLedger('w');
  assert.notEqual(renewed, old);
  const { content } = await renewed.blobs.put(`${LARGE}again`);
  assert.equal(renewed.blobs.has(content), true);
  const database = await renewed.database('main', SETTINGS);
  await database.ensureHoldfastTables();
  assert.equal(existsSync(join(folder, 'w/main.db')), true);
  new DatabaseSync(join(folder, 'w/main.db')).close();
});

test('a folder for contents that somebody removed is made again', async () => {
  const workspace = await withLedger('w');
  await workspace.blobs.put(LARGE);
  rmSync(workspace.blobs.directory, { recursive: true });
  await assert.rejects(async () => workspace.blobs.put(`${LARGE}a`), { type: 'storage-failed' }).catch(() => undefined);
  const { content } = await workspace.blobs.put(`${LARGE}b`);
  assert.equal(await workspace.blobs.verify(content), 'intact');
});

test(
  'what was given back is closed, but not while a request uses it',
  { skip: process.platform !== 'linux' },
  async () => {
    let release!: () => void;
    const running = workspaces.using('w', async () => {
      const workspace = await withLedger('w');
      await new Promise<void>((resolve) => (release = resolve));
      await workspace.exclusive('still used', () => undefined);
    });
    while (openFiles('w') === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await workspaces.using('w', () => Promise.resolve(workspaces.retire('w')));
    assert.ok(openFiles('w') > 0);
    release();
    await running;
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(openFiles('w'), 0);
  },
);

test('only so many workspaces stay open', { skip: process.platform !== 'linux' }, async () => {
  const count = MAX_OPEN_WORKSPACES + 5;
  for (let index = 0; index < count; index++) await workspaces.using(`w${index}`, () => withLedger(`w${index}`));
  await new Promise((resolve) => setTimeout(resolve, 10));
  const open = Array.from({ length: count }, (_, index) => openFiles(`w${index}/`) > 0);
  assert.deepEqual(open, [...Array<boolean>(5).fill(false), ...Array<boolean>(MAX_OPEN_WORKSPACES).fill(true)]);
  await workspaces.using('w0', async () => (await withLedger('w0')).exclusive('opened anew', () => undefined));
});
