import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfig } from '../../src/config.ts';

const source = path.join(import.meta.dirname, '../../src');
let root: string;
let count = 0;

before(async () => {
  root = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-config-')));
});

after(async () => fs.rm(root, { recursive: true, force: true }));

/** A folder of its own for each test, as Node caches modules by their path. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = path.join(root, String(count++));
  for (const [name, text] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await fs.writeFile(path.join(folder, name), text);
  }
  await fs.mkdir(folder, { recursive: true });
  return folder;
}

const IMPORTS = `import * as z from ${JSON.stringify(import.meta.resolve('zod'))};
import { defineConfig, defineStep, implementStep } from ${JSON.stringify(path.join(source, 'index.ts'))};
const contract = (name) => defineStep({ name, input: z.json(), output: z.json() });
const step = (name) => implementStep(contract(name), () => null);
`;

test('without a file there is a configuration without steps', async () => {
  assert.deepEqual(await loadConfig({ cwd: await folderWith({}) }), { steps: [], files: [] });
});

test('finds holdfast.config.ts; relative paths start at the file', async () => {
  const cwd = await folderWith({
    'holdfast.config.ts': `${IMPORTS}const name: string = 'mine';
export default defineConfig({
  steps: [step(name)],
  workspaceRoot: 'jobs',
  taskQueue: 'queue',
  namespace: 'space',
  workflowsPath: './workflows.ts',
});
`,
    'workflows.ts': '',
  });
  const config = await loadConfig({ cwd });
  assert.deepEqual(
    config.steps.map(({ contract }) => contract.name),
    ['mine'],
  );
  assert.deepEqual(
    { ...config, steps: [] },
    {
      steps: [],
      workspaceRoot: path.join(cwd, 'jobs'),
      workflowsPath: path.join(cwd, 'workflows.ts'),
      taskQueue: 'queue',
      namespace: 'space',
      files: [path.join(cwd, 'holdfast.config.ts')],
    },
  );
});

test('--steps takes steps out of any exported list, as a configuration has them', async () => {
  const cwd = await folderWith({ 'steps.mjs': `${IMPORTS}export const steps = [step('one'), step('two')];\n` });
  const { steps } = await loadConfig({ cwd, steps: ['steps.mjs'] });
  assert.deepEqual(steps.map(({ contract }) => contract.name).toSorted(), ['one', 'two']);
});

test('a syntax error in a configuration is told with its line', async () => {
  const cwd = await folderWith({ 'holdfast.config.ts': 'export default {\n  steps: [\n};\n' });
  await assert.rejects(loadConfig({ cwd }), (error: Error) => {
    assert.match(error.message, /holdfast\.config\.ts:3\n {2}steps: \[\n};/);
    return true;
  });
});

test('--steps adds a module’s named exports and default list, each once', async () => {
  const cwd = await folderWith({
    'steps.mjs': `${IMPORTS}export const one = step('one');
export const two = step('two');
export const text = 'no step';
export default [one, step('three')];
`,
  });
  const { steps, files } = await loadConfig({ cwd, steps: ['steps.mjs'] });
  assert.deepEqual(steps.map(({ contract }) => contract.name).toSorted(), ['one', 'three', 'two']);
  assert.deepEqual(files, [path.join(cwd, 'steps.mjs')]);
});

const REFUSED: readonly (readonly [
  string,
  Readonly<Record<string, string>>,
  { readonly config?: string; readonly steps?: readonly string[] },
  RegExp,
])[] = [
  [
    'a configuration that was named and is not there',
    {},
    { config: 'other.ts' },
    /^There is no configuration file .*other\.ts, which --config names\.$/,
  ],
  [
    'a steps file that is not there',
    {},
    { steps: ['steps.ts'] },
    /^There is no file .*steps\.ts, which --steps names\.$/,
  ],
  [
    'a file without a default export',
    { 'holdfast.config.mjs': 'export const x = 1;\n' },
    {},
    /has no configuration as its default export\. Expected: export default defineConfig/,
  ],
  [
    'a misspelled field',
    { 'holdfast.config.mjs': 'export default { step: [] };\n' },
    {},
    /sets "step", which is unknown\. Did you mean "steps"\?$/,
  ],
  [
    'a field of the wrong type',
    { 'holdfast.config.mjs': 'export default { steps: [], taskQueue: 7 };\n' },
    {},
    /: taskQueue is not text\.$/,
  ],
  [
    'steps that are none',
    { 'holdfast.config.mjs': 'export default { steps: [{}] };\n' },
    {},
    /: steps\[0\] is not a step\. Expected what implementStep/,
  ],
  [
    'a contract in place of a step',
    { 'holdfast.config.mjs': `${IMPORTS}export default { steps: [contract('mine')] };\n` },
    {},
    /steps\[0\] is not a step with code, but a contract\./,
  ],
  [
    'a module without steps',
    { 'steps.mjs': `${IMPORTS}export const mine = contract('mine');\n` },
    { steps: ['steps.mjs'] },
    /steps\.mjs exports no step\. .*It exports the contract of mine without its code\.$/,
  ],
  [
    'two steps of one name in two files',
    { 'a.mjs': `${IMPORTS}export const a = step('same');\n`, 'b.mjs': `${IMPORTS}export const b = step('same');\n` },
    { steps: ['a.mjs', 'b.mjs'] },
    /^Two steps are named "same": in .*a\.mjs and in .*b\.mjs\./,
  ],
  [
    'two steps of one name in one file',
    { 'a.mjs': `${IMPORTS}export const a = step('same');\nexport const b = step('same');\n` },
    { steps: ['a.mjs'] },
    /^Two steps are named "same": in .*a\.mjs, twice\./,
  ],
  [
    'the name of a built-in step',
    { 'a.mjs': `${IMPORTS}export const a = step('file.write');\n` },
    { steps: ['a.mjs'] },
    /has a step "file\.write", which is the name of a built-in step/,
  ],
  [
    'TypeScript under node_modules',
    { 'node_modules/pack/steps.ts': 'export {};\n' },
    { steps: ['node_modules/pack/steps.ts'] },
    /is TypeScript under node_modules, which Node does not run\. Compile it/,
  ],
  [
    'a file that throws',
    { 'holdfast.config.mjs': "throw new Error('not today');\n" },
    {},
    /cannot be loaded: not today$/,
  ],
  [
    'TypeScript that is more than types',
    { 'holdfast.config.ts': 'enum A { B }\nexport default { steps: [] };\n' },
    {},
    /cannot be loaded: .*write no enum, namespace or parameter property/s,
  ],
  [
    'an import that is not there',
    { 'holdfast.config.mjs': "import './steps.mjs';\n" },
    {},
    /cannot be loaded: .*Imports carry their ending/s,
  ],
  [
    'a Workflows module that is not there',
    { 'holdfast.config.mjs': "export default { steps: [], workflowsPath: './w.ts' };\n" },
    {},
    /workflowsPath names .*w\.ts, which is not there\.$/,
  ],
];

for (const [what, files, options, message] of REFUSED) {
  test(`refuses ${what}`, async () => {
    const cwd = await folderWith(files);
    await assert.rejects(loadConfig({ cwd, ...options }), { name: 'HoldfastError', type: 'bad-input', message });
  });
}
