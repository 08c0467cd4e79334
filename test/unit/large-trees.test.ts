/** Trees of very many files: the main loop has its turns, and no cost grows with the square of their number. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { listFolder, openFileWorkspace } from '../../src/effects/files/index.ts';
import { scanTree, type TreeEntry } from '../../src/effects/files/tree.ts';
import { holdsMore, partialFolders } from '../../src/protocol/attempt/commands/copy-snapshot.ts';

const FILES = 500;
let root: string;

before(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-large-'));
  mkdirSync(join(root, 'one'));
  for (let index = 0; index < FILES; index++) writeFileSync(join(root, `one/${index}`), '');
});
after(() => rmSync(root, { recursive: true, force: true }));

/** How often others had their turn while `work` ran. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  const working = work();
  setImmediate(count);
  await working;
  isOver = true;
  return turns;
}

test('one folder of very many files does not hold the main loop while it is listed or scanned', async (context) => {
  const workspace = openFileWorkspace(root);
  // Each look at the clock takes a millisecond: as on a slow disk, whatever this one is.
  let nowMs = 0;
  context.mock.method(performance, 'now', () => (nowMs += 1));
  const listed = await turnsDuring(() => listFolder(workspace));
  const scanned = await turnsDuring(() => scanTree(root));
  assert.ok(listed >= 3 && scanned >= 3, `turns while listed ${listed}, while scanned ${scanned}`);
});

test('which folders hold more than a command was given is told at once for thousands of them', () => {
  const folder = { kind: 'directory' } as TreeEntry;
  const workspace = new Map<string, TreeEntry>();
  const copied = new Set<string>();
  for (let index = 0; index < 10_000; index++) {
    workspace.set(`modules/${index}`, folder);
    for (let file = 0; file < 10; file++) workspace.set(`modules/${index}/${file}`, { kind: 'file' } as TreeEntry);
  }
  for (const path of workspace.keys()) if (path !== 'modules/7/3') copied.add(path);
  const startedMs = performance.now();
  const partial = partialFolders(workspace, copied);
  const held = [...workspace.keys()].filter((path) => holdsMore({ partial, copy: workspace }, path));
  assert.deepEqual(held, ['modules/7']);
  assert.ok(performance.now() - startedMs < 1_000, 'the work grows with the number of paths alone');
});
