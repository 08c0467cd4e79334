/** Every recorded history replays on today's code: jobs that are running go on through a new release. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../../src/worker.ts';
import { PATCHES } from '../../src/workflows/patches.ts';
import { SCENARIOS } from './scenarios.ts';

// The bundler's own webpack: a second one would not know its configuration.
const webpack = createRequire(createRequire(import.meta.url).resolve('@temporalio/worker'))('webpack') as {
  NormalModuleReplacementPlugin: new (pattern: RegExp, by: string) => never;
};

const folder = new URL('./histories/', import.meta.url).pathname;
Runtime.install({ logger: new DefaultLogger('ERROR') });
const workflowBundle = await bundleWorkflows();

for (const name of recordedNames()) {
  test(`replays ${name}`, async () => {
    const history = historyFromJSON(JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')));
    await Worker.runReplayHistory({ workflowBundle }, history, name);
  });
}

for (const id of Object.keys(PATCHES)) {
  test(`taking patched('${id}') away makes a replay fail`, async () => {
    const stub = join(mkdtempSync(join(tmpdir(), 'holdfast-patches-')), 'patches.mjs');
    writeFileSync(
      stub,
      `import { patched } from '@temporalio/workflow';\nexport const isPatched = (id) => id === ` +
        `${JSON.stringify(id)} || patched(id);\n`,
    );
    const bundle = await bundleWorkflowCode({
      workflowsPath: new URL('../../src/workflows/index.ts', import.meta.url).pathname,
      logger: new DefaultLogger('ERROR'),
      workflowInterceptorModules: [new URL('../../src/workflows/carried-argument.ts', import.meta.url).pathname],
      webpackConfigHook: (config) => {
        config.plugins = [...(config.plugins ?? []), new webpack.NormalModuleReplacementPlugin(/\/patches\.ts$/, stub)];
        config.resolve = { ...config.resolve, modules: [new URL('../../node_modules', import.meta.url).pathname] };
        return config;
      },
    });
    rmSync(dirname(stub), { recursive: true });
    const failed: string[] = [];
    for (const name of recordedNames()) {
      const text = readFileSync(join(folder, `${name}.json`), 'utf8');
      // A history with the marker needs the guard anyway; a history without the marker shows the old behaviour.
      if (text.includes(Buffer.from(JSON.stringify(id)).toString('base64')) || text.includes(id)) continue;
      const history = historyFromJSON(JSON.parse(text));
      await Worker.runReplayHistory({ workflowBundle: bundle }, history, name).catch(() => failed.push(name));
    }
    assert.notDeepEqual(
      failed,
      [],
      'every history replays without the guard: it guards nothing, or its old history is missing',
    );
  });
}

test('every scenario has a recorded history, and every history its scenario', () => {
  assert.deepEqual(recordedNames(), Object.keys(SCENARIOS).sort());
});

function recordedNames(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.replace('.json', ''))
    .sort();
}
