/** Every recorded history replays on today's code: jobs that are running go on through a new release. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../../src/worker.ts';
import { SCENARIOS } from './scenarios.ts';

const folder = new URL('./histories/', import.meta.url).pathname;
Runtime.install({ logger: new DefaultLogger('ERROR') });
const workflowBundle = await bundleWorkflows();

for (const file of readdirSync(folder).filter((name) => name.endsWith('.json')).sort()) {
  test(`replays ${file.replace('.json', '')}`, async () => {
    const history = historyFromJSON(JSON.parse(readFileSync(join(folder, file), 'utf8')));
    await Worker.runReplayHistory({ workflowBundle }, history, file.replace('.json', ''));
  });
}

test('every scenario has a recorded history, and every history its scenario', () => {
  const recorded = readdirSync(folder).filter((name) => name.endsWith('.json')).map((name) => name.replace('.json', '')).sort();
  assert.deepEqual(recorded, Object.keys(SCENARIOS).sort());
});
