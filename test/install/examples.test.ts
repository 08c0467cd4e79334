/** The package installed with npm in an empty folder, and the examples there: read with its types, and run. */
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { installedVersion, packInto, runWell } from '../support/package.ts';
import { testTemporal } from '../support/temporal.ts';

const EXAMPLES = path.join(import.meta.dirname, '../../examples');
const temporal = await testTemporal();

let folder: string;

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-examples-'));
  const { tarball } = await packInto(folder);
  await fs.writeFile(path.join(folder, 'package.json'), '{"private":true,"type":"module"}\n');
  const developer = ['typescript', '@types/node'].map(async (name) => `${name}@${await installedVersion(name)}`);
  const packages = [tarball, ...(await Promise.all(developer))];
  await runWell('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], folder);
});

after(async () => fs.rm(folder, { recursive: true, force: true }));

test('the example of LangGraph.js type-checks against it, is killed and goes on', async () => {
  const langGraph = '@langchain/langgraph';
  const packages = [langGraph, '@langchain/core'].map(async (name) => `${name}@${await installedVersion(name)}`);
  const options = ['--no-audit', '--no-fund', '--prefer-offline', ...(await Promise.all(packages))];
  await runWell('npm', ['install', ...options], folder);
  assert.match(await example('langgraph'), /The thread is there; next is analyse\.\n(.*\n)*.*3 sources agree/);
});

/** Its types are those of the package; then it runs. Returns what it printed. */
async function example(name: string): Promise<string> {
  const place = path.join(folder, name);
  const original = path.join(EXAMPLES, name);
  const leftOut = /node_modules|\.holdfast|^\/work(\/|$)/;
  await fs.cp(original, place, { recursive: true, filter: (source) => !leftOut.test(source.slice(original.length)) });
  await runWell(process.execPath, ['../node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.json'], place);
  return runWell(process.execPath, ['run.ts'], place, temporal.env);
}

test('npm links the command line', async () => {
  assert.match(
    await runWell(path.join(folder, 'node_modules/.bin/holdfast'), ['--version'], folder),
    /^\d+\.\d+\.\d+\n$/,
  );
});

test('somebody else’s own Workflow type-checks against it and runs', async () => {
  await example('own-workflow');
});

test('the example with every kind of effect type-checks against it, runs, and bears out what it claims', async () => {
  const output = await example('order');
  assert.match(output, /\? perform:charge\/charge {2}outcome-unknown\n/);
  assert.match(output, /✔ completed; the shop has 1 charge for A-1\n/);
  assert.match(output, /✔ aborted; folder and table are as before/);
});
