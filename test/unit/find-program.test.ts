import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, test } from 'node:test';
import { onPath } from '../../src/dev-server/on-path.ts';
import { findProgram } from '../../src/effects/processes/find-program.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-path-'));
after(() => rmSync(root, { recursive: true, force: true }));

test('a relative folder on PATH starts where the command runs; the development server names it as PATH does', () => {
  const program = join(root, 'bin', 'tool');
  mkdirSync(join(root, 'bin'));
  writeFileSync(program, '#!/bin/sh\n');
  assert.throws(() => findProgram('tool', root, 'bin'), { type: 'not-found' }, 'not executable');
  chmodSync(program, 0o755);
  assert.equal(findProgram('tool', root, '/nowhere::bin'), program);
  const folder = relative(process.cwd(), join(root, 'bin'));
  assert.equal(onPath('tool', { PATH: `/nowhere:${folder}` }), join(folder, 'tool'));
  assert.equal(onPath('tool', { PATH: join(root, 'bin') }), program);
  assert.equal(onPath('tool', {}), undefined);
});
