/** Options of Temporal's Worker, as its typings name them: each is passed on, or refused by name. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readPassedOn } from '../../src/worker/passed-on.ts';

const folder = dirname(createRequire(import.meta.url).resolve('@temporalio/worker/package.json'));
const typings = readFileSync(join(folder, 'lib/worker-options.d.ts'), 'utf8');
const [declared] = /^export interface WorkerOptions \{$[^]*?^\}$/m.exec(typings)!;
const NAMES = [...declared.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!);

const OWN = [
  'connection',
  'identity',
  'maxConcurrentActivityTaskExecutions',
  'namespace',
  'taskQueue',
  'workflowBundle',
  'workflowsPath',
];

test('every option in the typings of Temporal’s Worker is passed on, but for those with a name of Holdfast’s', () => {
  const refused = NAMES.filter((name) => {
    try {
      assert.deepEqual(readPassedOn({ temporal: { [name]: {} } }), { [name]: {} });
      return false;
    } catch (error) {
      assert.match((error as Error).message, new RegExp(`temporal\\.${name} is set`));
      return true;
    }
  });
  assert.deepEqual(refused.toSorted(), OWN);
  for (const name of ['plugins', 'interceptors', 'sinks', 'tuner', 'workerDeploymentOptions', 'shutdownForceTime'])
    assert.ok(NAMES.includes(name), name);
});
