/** Options of Temporal's Worker, as its typings name them: each is passed on, or refused by name. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TelemetryOptions } from '@temporalio/worker';
import { INSTEAD, PASSED_ON, readPassedOn } from '../../src/worker/passed-on.ts';
import { checkTelemetry } from '../../src/worker/telemetry.ts';

const folder = dirname(createRequire(import.meta.url).resolve('@temporalio/worker/package.json'));
const typings = readFileSync(join(folder, 'lib/worker-options.d.ts'), 'utf8');
const [declared] = /^export interface WorkerOptions \{$[^]*?^\}$/m.exec(typings)!;
const NAMES = [...declared.matchAll(/^ {4}(\w+)\??:/gm)].map(([, name]) => name!);

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
  assert.deepEqual(refused.toSorted(), Object.keys(INSTEAD).toSorted());
  assert.deepEqual(NAMES.toSorted(), Object.keys({ ...PASSED_ON, ...INSTEAD }).toSorted());
  for (const name of ['plugins', 'interceptors', 'sinks', 'tuner', 'workerDeploymentOptions', 'shutdownForceTime'])
    assert.ok(NAMES.includes(name), name);
});

test('a name that Temporal’s Worker does not have is refused, with the one that was probably meant', () => {
  for (const [name, message] of [
    ['plugns', /^temporal of createWorker was given "plugns", which is unknown\. Did you mean "plugins"\?$/],
    ['shutdownGraceTimeMs', /Did you mean "shutdownGraceTime"\?$/],
    ['taskQeue', /Did you mean "taskQueue"\?$/],
    ['xyz', /which is unknown\. Known are .*maxCachedWorkflows/],
  ] as const)
    assert.throws(() => readPassedOn({ temporal: { [name]: {} } }), { type: 'bad-input', message });
  assert.throws(() => readPassedOn({ temporal: [] as object }), { message: /was given a list where options belong/ });
});

test('telemetry is read by name, on each of its floors', () => {
  const prometheus = { bindAddress: '127.0.0.1:1' };
  for (const [given, message] of [
    [{ metric: {} }, /^telemetry was given "metric", which is unknown\. Did you mean "metrics"\?$/],
    [{ metrics: { promtheus: {} } }, /^telemetry\.metrics was given "promtheus".*"prometheus"\?$/],
    [{ metrics: { prometheus: { address: 'x' } } }, /^telemetry\.metrics\.prometheus was given "address".*bindAddress/],
    [{ metrics: { otel: { ulr: 'x' } } }, /^telemetry\.metrics\.otel was given "ulr".*"url"\?$/],
    [{ logging: { fowrard: {} } }, /^telemetry\.logging was given "fowrard".*"forward"\?$/],
    [{ logging: { forward: { lvl: 'INFO' } } }, /^telemetry\.logging\.forward was given "lvl"/],
    [{ metrics: null }, /^telemetry\.metrics was given null/],
    [{ metrics: { globalTags: {} } }, /^telemetry\.metrics says where metrics go by one of.*; found none of them\.$/],
    [{ metrics: { prometheus: {} } }, /bindAddress is undefined\. Expected an address in numbers and a port/],
    [{ metrics: { prometheus: { bindAddress: 'localhost:1' } } }, /bindAddress is "localhost:1"\. Expected/],
    [{ metrics: { prometheus: { bindAddress: '127.0.0.1:65536' } } }, /bindAddress is "127.0.0.1:65536"\./],
    [{ metrics: { prometheus, otel: { url: 'x' } } }, /found prometheus and otel\.$/],
  ] as const)
    assert.throws(() => checkTelemetry(given as TelemetryOptions), { type: 'bad-input', message });
  checkTelemetry({ metrics: { prometheus: { bindAddress: '[::1]:9464' } } });
  checkTelemetry({ metrics: { prometheus, globalTags: { a: 'b' } }, logging: { forward: { level: 'WARN' } } });
});
