import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { contentOf } from '../../src/effects/files/content.ts';
import { openFileWorkspace, type FileWorkspace } from '../../src/effects/files/index.ts';
import { readWorkspaceFile } from '../../src/effects/files/read.ts';
import { sha256Hex } from '../../src/model/digest.ts';

let root: string;
let workspace: FileWorkspace;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'holdfast-read-'));
  workspace = openFileWorkspace(root);
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

async function chunksOf(path: string): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readWorkspaceFile(workspace, path)) chunks.push(chunk);
  return chunks;
}

test('a file comes in chunks of 256 KiB, each with bytes of its own', async () => {
  const content = Buffer.alloc(600 * 1024, 'abcdefg');
  writeFileSync(join(root, 'large'), content);
  const chunks = await chunksOf('large');
  assert.deepEqual(
    chunks.map(({ byteLength }) => byteLength / 1024),
    [256, 256, 88],
  );
  assert.ok(Buffer.concat(chunks).equals(content));
});

test('what is no file or is not there is an error, each of its own kind', async () => {
  mkdirSync(join(root, 'folder'));
  await assert.rejects(chunksOf('folder'), { type: 'bad-input' });
  await assert.rejects(chunksOf('missing'), { type: 'storage-failed' });
  await assert.rejects(chunksOf('nowhere/missing'), { type: 'not-found' });
});

test('a small content is held in a buffer of its own size, a large one is not held', async () => {
  const path = join(root, 'file');
  writeFileSync(path, 'small');
  const small = await contentOf(path);
  assert.deepEqual(
    { ...small, bytes: String(small.bytes) },
    { content: sha256Hex('small'), sizeBytes: 5, bytes: 'small' },
  );
  assert.equal(small.bytes?.buffer.byteLength, 5);
  writeFileSync(path, 'x'.repeat(200 * 1024));
  const large = await contentOf(path);
  assert.deepEqual(large, { content: sha256Hex('x'.repeat(200 * 1024)), sizeBytes: 200 * 1024, bytes: undefined });
});
