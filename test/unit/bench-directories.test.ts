/** The temporary directories of a benchmark that makes many of them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const MADE = 20;

test('a process that makes many temporary directories is not warned of its listeners, and leaves none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-directories-'));
  try {
    const module = new URL('../../bench/temporary-directory.ts', import.meta.url).href;
    const script = `
      import { readdirSync } from 'node:fs';
      import { makeTemporaryDirectory } from ${JSON.stringify(module)};
      for (let count = 0; count < ${MADE}; count++) makeTemporaryDirectory();
      console.log(readdirSync(${JSON.stringify(folder)}).length);`;
    const ran = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, TMPDIR: folder },
      encoding: 'utf8',
    });
    assert.deepEqual([ran.stdout.trim(), ran.stderr], [String(MADE), '']);
    assert.deepEqual(readdirSync(folder), []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
