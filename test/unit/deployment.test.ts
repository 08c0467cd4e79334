/** Which version of a deployment a worker is: from flags and configuration, and what is refused of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentText, withDeployment } from '../../src/cli/deployment-options.ts';
import { versionFlags } from '../../src/model/job/version.ts';
import { readPassedOn } from '../../src/worker/passed-on.ts';

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
  refused(null, /workerDeploymentOptions are null/);
  assert.throws(
    () => readPassedOn({ temporal: { buildId: '1', workerDeploymentOptions: { ...on, version } as never } }),
    { type: 'bad-input', message: /temporal\.buildId and temporal\.workerDeploymentOptions are both set/ },
  );
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
