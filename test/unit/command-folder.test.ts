/** The folders of commands: what is left of one that could not be made, or whose maker died. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { removeDeadCommands } from '../../src/effects/processes/command-folder.ts';

const MODULE = new URL('../../src/effects/processes/command-folder.ts', import.meta.url).href;
let root: string;

beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'holdfast-commands-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a folder whose note can not be written leaves nothing, and the write is named', () => {
  const script = `import { makeCommandFolder } from ${JSON.stringify(MODULE)};
    try { makeCommandFolder(${JSON.stringify(root)}, { step: 'step' }); process.exit(1); } catch (error) {
      process.exit(/^Could not write ".*\\.json": EFBIG\\.$/.test(error.message) ? 0 : 2);
    }`;
  // A file may have no bytes at all: as on a full disk the note is made and can't be written.
  const limited = 'trap \'\' XFSZ; ulimit -f 0; exec "$0" --input-type=module -e "$1"';
  execFileSync('/bin/sh', ['-c', limited, process.execPath, script], {
    env: { PATH: process.env['PATH'], NODE_DISABLE_COMPILE_CACHE: '1' },
  });
  assert.deepEqual(readdirSync(join(root, 'commands')), []);
});

test('a note that names nobody goes once nobody can be writing it any more', async () => {
  const commands = join(root, 'commands');
  mkdirSync(commands);
  for (const name of ['old.json', 'young.json']) writeFileSync(join(commands, name), '');
  const longAgo = Date.now() / 1000 - 120;
  utimesSync(join(commands, 'old.json'), longAgo, longAgo);
  await removeDeadCommands(root);
  assert.deepEqual(readdirSync(commands), ['young.json']);
});
