/** Which version of a deployment a worker is: from flags and configuration, and what is refused of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EXIT } from '../../src/cli/command.ts';
import { deploymentText, withDeployment } from '../../src/cli/deployment-options.ts';
import { versionFlags } from '../../src/model/job/version.ts';
import { readPassedOn } from '../../src/worker/passed-on.ts';
import { cli } from '../support/cli-terminal.ts';

const version = { deploymentName: 'reports', buildId: '1' };

function refused(deployment: unknown, message: RegExp): void {
  const temporal = { workerDeploymentOptions: deployment as never };
  assert.throws(() => readPassedOn({ temporal }), { type: 'bad-input', message });
}

test('a worker of a version upgrades its jobs by itself, unless it is told otherwise', () => {
  const read = (given: object): unknown =>
    readPassedOn({ temporal: { workerDeploymentOptions: { useWorkerVersioning: true, version, ...given } } })
      .workerDeploymentOptions;
  assert.deepEqual(read({}), { useWorkerVersioning: true, version, defaultVersioningBehavior: 'AUTO_UPGRADE' });
  assert.deepEqual(read({ defaultVersioningBehavior: 'PINNED' }), {
    useWorkerVersioning: true,
    version,
    defaultVersioningBehavior: 'PINNED',
  });
});

test('half a version, an unknown behavior and a contradiction are refused by name', () => {
  const on = { useWorkerVersioning: true };
  refused({ ...on, version: { buildId: '1' } }, /without a deployment name: version is \{"buildId":"1"\}/);
  refused({ ...on, version: { deploymentName: 'reports', buildId: ' ' } }, /without a build id: version is/);
  refused(on, /without a deployment name and a build id: version is \{\}/);
  refused({ ...on, version: { ...version, deploymentName: 'reports.eu' } }, /no deployment name like "reports\.eu"/);
  refused({ ...on, version, defaultVersioningBehavior: 'pinned' }, /defaultVersioningBehavior is "pinned"/);
  refused({ ...on, version, defaultVersioningBehaviour: 'PINNED' }, /Did you mean "defaultVersioningBehavior"\?/);
  refused({ useWorkerVersioning: false, defaultVersioningBehavior: 'PINNED' }, /without turning Worker Versioning on/);
  refused({ version }, /have a version, and useWorkerVersioning is undefined/);
  refused(null, /workerDeploymentOptions are null/);
  assert.throws(
    () => readPassedOn({ temporal: { buildId: '1', workerDeploymentOptions: { ...on, version } as never } }),
    { type: 'bad-input', message: /temporal\.buildId and temporal\.workerDeploymentOptions are both set/ },
  );
});

test('a configuration that is refused is named by its file, and how the file says it', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'holdfast-configured-'));
  after(() => rmSync(cwd, { recursive: true, force: true }));
  const tried = [
    ['temporal: { taskQueue: "mine" }', /temporal\.taskQueue is set\.[^]*Set taskQueue in the configuration itself\./],
    ['temporal: { maxConcurrentActivityTaskExecutions: 3 }', /Set maxConcurrentSteps in the configuration itself\./],
    ['temporal: { connection: {} }', /temporal\.connection is set\.[^]*Leave it out: holdfast worker sets it\./],
    ['temporal: { plugns: [] }', /temporal of \S+ was given "plugns", which is unknown\. Did you mean "plugins"\?/],
    [
      'temporal: { workerDeploymentOptions: { useWorkerVersioning: true, version: { buildId: "1" } } }',
      /without a deployment name: version is \{"buildId":"1"\}\.[^]*or --deployment-name and --build-id\./,
    ],
    ['heartbeatIntervalMs: 5', /heartbeatIntervalMs is 5\. Expected a whole number of milliseconds between 100 and/],
    ['maxConcurrentSteps: 0', /maxConcurrentSteps is 0\. Expected a whole number, 1 or more\./],
  ] as const;
  for (const [number, [text, message]] of tried.entries()) {
    const file = join(cwd, `${number}.mjs`);
    writeFileSync(file, `export default { steps: [], ${text} };`);
    const ran = await cli(['worker', '--config', file, '--address', '127.0.0.1:1'], { cwd });
    assert.equal(ran.code, EXIT.badInput, ran.err);
    assert.match(ran.err, message);
    assert.ok(ran.err.includes(file) && !ran.err.includes('createWorker'), ran.err);
  }
});

test('a flag takes the place of what is configured, and completes it', () => {
  assert.equal(withDeployment(undefined, {}), undefined);
  const configured = { workerDeploymentOptions: { useWorkerVersioning: true, version: { deploymentName: 'reports' } } };
  const completed = withDeployment(configured as never, { buildId: '7', versioningBehavior: 'pinned' });
  assert.deepEqual(completed?.workerDeploymentOptions, {
    useWorkerVersioning: true,
    version: { deploymentName: 'reports', buildId: '7' },
    defaultVersioningBehavior: 'PINNED',
  });
  assert.deepEqual(deploymentText(completed), {
    version: 'reports:7 (pinned)',
    next: 'temporal worker deployment set-current-version --deployment-name reports --build-id 7',
  });
  assert.equal(versionFlags({ deploymentName: 'a b', buildId: '$1' }), `--deployment-name 'a b' --build-id '$1'`);
});

test('a build id without a deployment name is refused, and so is a behavior without a version', () => {
  assert.throws(() => withDeployment(undefined, { buildId: '7' }), {
    type: 'bad-input',
    message: /needs a deployment name/,
  });
  assert.throws(() => withDeployment(undefined, { deploymentName: 'reports' }), {
    type: 'bad-input',
    message: /needs a build id/,
  });
  assert.throws(() => withDeployment(undefined, { versioningBehavior: 'pinned' }), {
    type: 'bad-input',
    message: /needs a deployment name/,
  });
});
