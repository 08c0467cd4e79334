/** Every recorded history replays on today's code: jobs that are running go on through a new release. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { bundleWorkflows } from '../../src/worker.ts';
import { PATCHES } from '../../src/workflows/patches.ts';
import { SCENARIOS } from './scenarios.ts';

// The bundler's own webpack: a second one would not know its configuration.
const webpack = createRequire(createRequire(import.meta.url).resolve('@temporalio/worker'))('webpack') as {
  NormalModuleReplacementPlugin: new (pattern: RegExp, by: string) => never;
};

const folder = new URL('./histories/', import.meta.url).pathname;
const RECORDED = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => ({ name: name.replace('.json', ''), text: readFileSync(join(folder, name), 'utf8') }));
Runtime.install({ logger: new DefaultLogger('ERROR') });
const ownWorkflows = new URL('./own-workflows.ts', import.meta.url).pathname;
const TAKEN_AWAY = 'the-patch-that-is-taken-away';
const workflowBundle = await bundleWorkflows(ownWorkflows);
const withoutGuard = await bundleWithoutGuard();

for (const { name, text } of RECORDED) {
  test(`replays ${name}`, async () => {
    const history = historyFromJSON(JSON.parse(text));
    await Worker.runReplayHistory({ workflowBundle }, history, name);
  });
}

for (const id of Object.keys(PATCHES)) {
  test(`taking patched('${id}') away makes a replay fail`, async () => {
    const bundle = { ...withoutGuard, code: withoutGuard.code.replaceAll(TAKEN_AWAY, id) };
    // A history with the marker needs the guard anyway; a history without the marker shows the old behaviour.
    const unmarked = RECORDED.filter(
      ({ text }) => !text.includes(Buffer.from(JSON.stringify(id)).toString('base64')) && !text.includes(id),
    );
    const histories = unmarked.map(({ name, text }) => ({
      workflowId: name,
      history: historyFromJSON(JSON.parse(text)),
    }));
    let hasFailed = false;
    for await (const { error } of Worker.runReplayHistories({ workflowBundle: bundle }, histories))
      if ((hasFailed = error !== undefined)) break;
    assert.ok(hasFailed, 'every history replays without the guard: it guards nothing, or its old history is missing');
  });
}

test('every scenario has a recorded history, and every history its scenario', () => {
  assert.deepEqual(
    RECORDED.map(({ name }) => name),
    Object.keys(SCENARIOS).sort(),
  );
});

/** The Workflows with one guard taken away: the patch whose id is put in place of `TAKEN_AWAY`. */
async function bundleWithoutGuard(): Promise<WorkflowBundleWithSourceMap> {
  const stub = join(mkdtempSync(join(tmpdir(), 'holdfast-patches-')), 'patches.mjs');
  writeFileSync(
    stub,
    `import { patched } from '@temporalio/workflow';\nexport const isPatched = (id) => id === ` +
      `'${TAKEN_AWAY}' || patched(id);\n`,
  );
  try {
    return await bundleWorkflowCode({
      workflowsPath: ownWorkflows,
      logger: new DefaultLogger('ERROR'),
      workflowInterceptorModules: [new URL('../../src/workflows/interceptors.ts', import.meta.url).pathname],
      payloadConverterPath: new URL('../../src/codec/payload-converter.ts', import.meta.url).pathname,
      webpackConfigHook: (config) => {
        config.plugins = [...(config.plugins ?? []), new webpack.NormalModuleReplacementPlugin(/\/patches\.ts$/, stub)];
        config.resolve = { ...config.resolve, modules: [new URL('../../node_modules', import.meta.url).pathname] };
        return config;
      },
    });
  } finally {
    rmSync(dirname(stub), { recursive: true });
  }
}
