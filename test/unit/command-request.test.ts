import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommand } from '../../src/model/step/command.ts';

test('the workspace itself is . or ./ to a command, and nothing above it is', () => {
  for (const folder of ['', '.', './']) assert.equal(parseCommand(['ls'], { cwd: folder }).request.cwd, '', folder);
  for (const path of ['.', './']) assert.deepEqual(parseCommand(['ls'], { paths: [path] }).request.paths, ['**'], path);
  assert.equal(parseCommand(['ls'], { cwd: './src/' }).request.cwd, 'src');
  for (const options of [{ cwd: '..' }, { cwd: '../' }, { paths: ['..'] }, { paths: ['../'] }, { reads: ['../a'] }])
    assert.throws(() => parseCommand(['ls'], options), { type: 'bad-input' }, JSON.stringify(options));
});
