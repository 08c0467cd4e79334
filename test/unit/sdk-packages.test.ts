/** Whether Temporal's SDK, which is the project's own, fits: what the command line says before it does anything. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { addingPackages } from '../../src/cli/package-manager.ts';
import { foundPackages, problemOf, sdkProblem, wantedPackages } from '../../src/cli/sdk-packages.ts';

const WANTED = { '@temporalio/client': '^1.18.1', '@temporalio/worker': '^1.18.1' };
const problemWith = (client: string | undefined, worker: string | undefined): ReturnType<typeof problemOf> =>
  problemOf(WANTED, { '@temporalio/client': client, '@temporalio/worker': worker });

test("the checkout's own SDK fits", () => {
  assert.equal(sdkProblem(false), undefined);
  assert.ok(Object.keys(wantedPackages()).every((name) => name.startsWith('@temporalio/')));
});

test('what is within the range fits, at both ends', () => {
  for (const version of ['1.18.1', '1.18.2', '1.23.0', '1.100.0'])
    assert.equal(problemWith(version, version), undefined);
});

test('what lies outside is named, with what is needed and a line to type', () => {
  for (const version of ['1.18.0', '1.9.9', '0.99.0', '2.0.0']) {
    const problem = problemWith('1.18.1', version);
    assert.equal(
      problem?.message,
      `Temporal's SDK does not fit: @temporalio/worker is ${version}, Holdfast needs ^1.18.1.`,
    );
    assert.equal(problem?.nextStep, 'npm install @temporalio/client@^1.18.1 @temporalio/worker@^1.18.1');
  }
});

test('what is missing is asked for in the version of what is there, or else in the range', () => {
  assert.match(problemWith('1.23.0', undefined)?.message ?? '', /^Of Temporal's SDK, @temporalio\/worker is missing\./);
  assert.equal(problemWith('1.23.0', undefined)?.nextStep, 'npm install @temporalio/worker@1.23.0');
  assert.equal(
    problemWith(undefined, undefined)?.nextStep,
    'npm install @temporalio/client@^1.18.1 @temporalio/worker@^1.18.1',
  );
  assert.deepEqual(foundPackages(['@temporalio/there-is-no-such-package']), {
    '@temporalio/there-is-no-such-package': undefined,
  });
});

test('the line to type is that of the package manager whose lockfile the project has, or a folder above it', () => {
  const project = mkdtempSync(path.join(os.tmpdir(), 'holdfast-lockfile-'));
  try {
    const inner = path.join(project, 'packages/jobs');
    mkdirSync(inner, { recursive: true });
    for (const [lockfile, adding] of [
      ['package-lock.json', 'npm install'],
      ['pnpm-lock.yaml', 'pnpm add'],
      ['yarn.lock', 'yarn add'],
    ] as const) {
      writeFileSync(path.join(project, lockfile), '');
      assert.equal(addingPackages(inner), adding);
      rmSync(path.join(project, lockfile));
    }
    // The nearest one counts.
    writeFileSync(path.join(project, 'pnpm-lock.yaml'), '');
    writeFileSync(path.join(inner, 'package-lock.json'), '');
    assert.equal(addingPackages(inner), 'npm install');
    const { nextStep } = problemOf(WANTED, { '@temporalio/client': '1.23.0' }, addingPackages(project))!;
    assert.equal(nextStep, 'pnpm add @temporalio/worker@1.23.0');
  } finally {
    rmSync(project, { recursive: true });
  }
});
