import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { nodeProblem } from '../../src/cli/node-version.ts';
import { usesColour } from '../../src/cli/terminal.ts';
import { COMMANDS as LISTED_COMMANDS, loadCommand } from '../../src/cli/commands.ts';
import { EXIT_MEANING } from '../../src/cli/exit-code.ts';
import { shellWord } from '../../src/model/shell-word.ts';
import { cli } from '../support/cli-terminal.ts';

const COMMANDS = [
  'dev',
  'worker',
  'check',
  'crash-test',
  'start',
  'resume',
  'list',
  'status',
  'question',
  'decide',
  'result',
  'cancel',
  'wake',
  'verify',
  'log',
  'diff',
  'checkpoints',
  'state',
  'rewind',
  'update-state',
  'fork',
  'export',
  'gc',
  'doctor',
  'keys',
  'codec-server',
];
/** An address on which nothing listens. */
const NO_SERVER = { TEMPORAL_ADDRESS: '127.0.0.1:1' };

let folder: string;

before(async () => {
  folder = await fs.realpath(await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-cli-')));
  await fs.writeFile(path.join(folder, 'plan.yaml'), PLAN);
});

after(async () => fs.rm(folder, { recursive: true, force: true }));

const PLAN = `schemaVersion: 1
name: greet
workspace: greetings
input:
  type: object
  properties: { who: { type: string }, times: { type: integer, default: 1 } }
  required: [who]
steps:
  - id: hello
    use: file.write
    with: { path: hello.txt, content: "Hello \${{ input.who }}" }
`;

interface Failure {
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly nextStep: string;
    readonly details: Record<string, unknown>;
  };
}

test('help lists every command and every exit code, and is a success', async () => {
  const ran = await cli(['--help']);
  assert.equal(ran.code, 0);
  for (const command of COMMANDS) assert.match(ran.out, new RegExp(`^  ${command} `, 'm'));
  for (const [code, meaning] of Object.entries(EXIT_MEANING))
    assert.ok(ran.out.includes(`  ${code.padEnd(4)}${meaning}`), meaning);
  assert.deepEqual(await cli([]).then(({ code, out }) => ({ code, out })), { code: 0, out: ran.out });
});

for (const command of COMMANDS) {
  test(`help of ${command} has examples`, async () => {
    const ran = await cli([command, '--help']);
    assert.equal(ran.code, 0);
    assert.match(ran.out, new RegExp(`Examples:\n  holdfast ${command}`));
    assert.match(ran.out, /--json/);
  });
}

test('the list of commands names the arguments that each command takes', async () => {
  for (const listed of LISTED_COMMANDS) {
    const spec = await loadCommand(listed);
    assert.equal(spec.name, listed.name);
    assert.equal((spec.arguments ?? []).map(([name]) => name).join(' '), listed.usage ?? '', listed.name);
  }
  assert.deepEqual(
    LISTED_COMMANDS.map(({ name }) => name),
    COMMANDS,
  );
});

test('the exit codes are documented as they are', async () => {
  const documented = await fs.readFile(path.join(import.meta.dirname, '../../docs/command-line.md'), 'utf8');
  for (const [code, meaning] of Object.entries(EXIT_MEANING))
    assert.ok(documented.includes(`| ${code} | ${meaning} |`), `docs/command-line.md lacks: | ${code} | ${meaning} |`);
  for (const command of COMMANDS) assert.match(documented, new RegExp(`\`holdfast ${command}[ \`]`), command);
});

test('an unknown command names the nearest one', async () => {
  const ran = await cli(['stauts', 'x']);
  assert.equal(ran.code, 2);
  assert.equal(ran.out, '');
  assert.equal(
    ran.err,
    "holdfast: unknown command 'stauts'. Did you mean status?\nNext: Read `holdfast --help`, or `holdfast " +
      'COMMAND --help` for one command.\n',
  );
});

test('an unknown option names the nearest one; as JSON where JSON is asked for', async () => {
  const ran = await cli(['status', 'x', '--wach', '--json']);
  assert.equal(ran.code, 2);
  assert.equal(ran.err, '');
  const { error } = ran.json<Failure>();
  assert.equal(error.type, 'bad-input');
  assert.equal(error.message, "unknown option '--wach'. Did you mean --watch?");
});

test('help for a command that there is not says so', async () => {
  const ran = await cli(['help', 'statsu']);
  assert.equal(ran.code, 2);
  assert.match(
    ran.err,
    /^holdfast: There is no command "statsu"\. Did you mean status\?\nNext: The commands are dev, /,
  );
  const known = await cli(['help', 'status']);
  assert.deepEqual([known.code, known.err], [0, '']);
  assert.match(known.out, /Examples:/);
});

test('an address without a port is refused at once', async () => {
  for (const address of ['localhost', 'temporal.example.com', '127.0.0.1:0', '127.0.0.1:99999', 'http://127.0.0.1']) {
    const ran = await cli(['list', '--address', address]);
    assert.equal(ran.code, 2, address);
    assert.match(ran.err, /^holdfast: The address of the Temporal server is "[^"]+"\. Expected HOST:PORT, /);
  }
});

test('an id that a shell would take apart is quoted in what to type', async () => {
  await fs.writeFile(path.join(folder, "it's mine.yaml"), PLAN);
  const { out } = await cli(['check', "it's mine.yaml"], { cwd: folder });
  assert.ok(out.endsWith(String.raw`Start it with: holdfast start 'it'\''s mine.yaml' who=…` + '\n'), out);
  for (const [text, word] of [
    ['nightly-1a2b', 'nightly-1a2b'],
    ['a b', "'a b'"],
    ['', "''"],
    ['--all', "'--all'"],
    ['$(reboot)', "'$(reboot)'"],
    ['~root', "'~root'"],
  ] as const)
    assert.equal(shellWord(text), word);
});

test('a Node that is too old is named, with the one that is needed', async () => {
  assert.equal(nodeProblem('24.0.0', false), undefined);
  assert.equal(nodeProblem('101.1.0', true), undefined);
  assert.match(
    nodeProblem('20.20.2', false) ?? '',
    /^holdfast: Node 24 or newer is needed; this is Node 20\.20\.2\.\n/,
  );
  assert.deepEqual(Object.keys(JSON.parse(nodeProblem('22.1.0', true) ?? '{}') as object), ['error']);
  // What an old Node reads before it is told imports nothing that it can't read.
  const sources = path.join(import.meta.dirname, '../../src');
  const entry = await fs.readFile(path.join(sources, 'cli.ts'), 'utf8');
  assert.deepEqual(entry.match(/^import .*$/gm), ["import { nodeProblem } from './cli/node-version.ts';"]);
  assert.doesNotMatch(await fs.readFile(path.join(sources, 'cli/node-version.ts'), 'utf8'), /^import /m);
});

test('a missing argument is bad usage', async () => {
  const ran = await cli(['status']);
  assert.equal(ran.code, 2);
  assert.match(ran.err, /missing required argument 'job'/);
});

test('a server that does not answer is named, with the way to one', async () => {
  const ran = await cli(['status', 'x', '--json'], { env: NO_SERVER });
  assert.equal(ran.code, 5);
  const { error } = ran.json<Failure>();
  assert.equal(error.type, 'server-unreachable');
  assert.equal(error.message, 'No Temporal server answers at 127.0.0.1:1 (connection refused).');
  assert.match(error.nextStep, /holdfast dev/);
  assert.deepEqual(error.details, { address: '127.0.0.1:1' });
  const plain = await cli(['list', '--address', '127.0.0.1:2'], { env: NO_SERVER });
  assert.equal(plain.code, 5);
  assert.equal(plain.out, '');
  assert.equal(
    plain.err,
    'holdfast: No Temporal server answers at 127.0.0.1:2 (connection refused).\nNext: Start a Temporal ' +
      'server (`holdfast dev` has one), or correct TEMPORAL_ADDRESS.\n',
  );
});

test('a profile that is not there is bad input, not an unreachable server', async () => {
  const ran = await cli(['list', '--profile', 'nowhere'], {
    env: { ...NO_SERVER, TEMPORAL_CONFIG_FILE: path.join(folder, 'none.toml') },
  });
  assert.equal(ran.code, 2);
  assert.match(ran.err, /Temporal's client configuration cannot be read: .*nowhere/);
});

test('check says that a plan has no problems, and what it takes on trust', async () => {
  const ran = await cli(['check', 'plan.yaml'], { cwd: folder });
  assert.deepEqual(
    [ran.code, ran.out],
    [0, 'plan.yaml: no problems. Plan greet, 1 step in 1 super-step.\nStart it with: holdfast start plan.yaml who=…\n'],
  );
  const own = await cli(['check', '-', '--json'], { cwd: folder, input: PLAN.replace('file.write', 'my.step') });
  assert.deepEqual(own.json(), {
    ok: true,
    plan: 'greet',
    steps: 1,
    superSteps: 1,
    takenOnTrust: ['my.step'],
    problems: [],
  });
});

test('a misspelled built-in step is told where no configuration names steps, and not started', async () => {
  const misspelled = PLAN.replace('file.write', 'file.wirte');
  const checked = await cli(['check', '-'], { cwd: folder, input: misspelled });
  assert.equal(checked.code, 0);
  assert.match(checked.out, /^Taken on trust, .*: file\.wirte \(did you mean file\.write\?\)\.$/m);
  const started = await cli(['start', '-', 'who=Ada'], { cwd: folder, env: NO_SERVER, input: misspelled });
  assert.deepEqual(
    [started.code, started.err],
    [
      2,
      'holdfast: The plan uses a step file.wirte, which no configuration names. Did you mean file.write?\n' +
        'Next: Correct the plan; if it is a step of yours, name its module with --steps.\n',
    ],
  );
  const near = PLAN.replace('file.write', 'file.writer2');
  const unsure = await cli(['start', '-', 'who=Ada'], { cwd: folder, env: NO_SERVER, input: near });
  assert.equal(unsure.code, 5, 'it goes on to the server');
  assert.match(unsure.err, /^Taken on trust, .*: file\.writer2 \(did you mean file\.write\?\)\.$/m);
});

test('check shows every problem with its line, and refuses with the code for bad input', async () => {
  const bad = PLAN.replace('use: file.write', 'use: file.wirte').replace('workspace:', 'workspce: x\nworkspace:');
  const ran = await cli(['check', '-'], { input: bad });
  assert.equal(ran.code, 2);
  assert.match(ran.out, /^-:3:1 {2}workspce: unknown field "workspce"/);
  const steps = path.join(folder, 'steps-for-check.mjs');
  await fs.writeFile(steps, stepsModule('my.step'));
  const known = await cli(['check', '-', '--steps', steps, '--json'], { input: PLAN.replace('file.write', 'my.stp') });
  assert.equal(known.code, 2);
  const { error } = known.json<Failure>();
  assert.equal(error.type, 'bad-plan');
  assert.match(error.message, /unknown step "my\.stp"/);
  const [problem] = error.details['problems'] as { line: number; hint: string }[];
  assert.equal(problem?.line, 10);
  assert.match(problem.hint, /did you mean "my\.step"\?/);
});

test('a plan that is not there is said so', async () => {
  const ran = await cli(['check', 'nowhere.yaml'], { cwd: folder });
  assert.equal(ran.code, 2);
  assert.equal(ran.err, `holdfast: There is no plan ${path.join(folder, 'nowhere.yaml')}.\nNext: Check the path.\n`);
});

test('start refuses a bad plan and a bad input before it asks any server', async () => {
  const env = NO_SERVER;
  const plan = await cli(['start', '-'], { cwd: folder, env, input: PLAN.replace('use:', 'uses:') });
  assert.equal(plan.code, 2);
  assert.match(plan.err, /^holdfast: - cannot be used\.\n-:9:5 {2}steps\[0\]\.use: is missing\n/);
  assert.match(plan.err, /unknown field "uses"/);
  assert.match(plan.err, /\nNext: \d problems?\. Correct, then run: holdfast check -\n$/);
  const notJson = await cli(['start', 'plan.yaml', '--input', '{who: Ada}'], { cwd: folder, env });
  assert.equal(notJson.code, 2);
  assert.match(
    notJson.err,
    /--input is not JSON: .* Expected \{"name": value\}, @file, - for standard input, or name=value\./,
  );
  const noFile = await cli(['start', 'plan.yaml', '--input', '@none.json'], { cwd: folder, env });
  assert.match(noFile.err, /There is no input .*none\.json/);
  const list = await cli(['start', 'plan.yaml', '--input', '[1]'], { cwd: folder, env });
  assert.match(list.err, /--input is not an object/);
});

test('decide refuses what is no answer before it asks any server', async () => {
  const ran = await cli(['decide', 'x', 'restor', '--reason', 'y'], { env: NO_SERVER });
  assert.equal(ran.code, 2);
  assert.match(ran.err, /ANSWER is "restor"\. Expected one of accept, restore, .*Did you mean restore\?/);
  const item = await cli(['decide', 'x', '--item', 'file:a.txt', '--reason', 'y'], { env: NO_SERVER });
  assert.match(item.err, /--item is "file:a\.txt"\. Expected RESOURCE=ANSWER/);
});

test('numbers are checked', async () => {
  assert.match(
    (await cli(['list', '--limit', 'many'], { env: NO_SERVER })).err,
    /--limit is "many"\. Expected a whole number from 1 to 10000/,
  );
  assert.match((await cli(['dev', '--port', '70000'])).err, /--port is "70000"/);
});

test('a state that no job can have is refused with those that there are', async () => {
  const ran = await cli(['list', '--state', 'sleeping']);
  assert.equal(ran.code, 2);
  assert.match(ran.err, /Allowed choices are running, waiting, completed/);
});

test('verify and log say that a folder holds no record, and create nothing in it', async () => {
  const empty = await fs.mkdtemp(path.join(folder, 'empty-'));
  for (const command of ['verify', 'log']) {
    const ran = await cli([command, empty]);
    assert.equal(ran.code, 2);
    assert.equal(ran.err.split('\n')[0], `holdfast: ${empty} has no record of a job (no .holdfast/ledger.sqlite).`);
    assert.match((await cli([command, './nowhere'], { cwd: folder })).err, /There is no folder .*nowhere/);
  }
  assert.deepEqual(await fs.readdir(empty), []);
});

test('doctor goes on without a server and says what it could not check', async () => {
  const ran = await cli(['doctor', '--json'], { cwd: folder, env: NO_SERVER });
  assert.equal(ran.code, 5);
  const { ok, checks } = ran.json<{ ok: boolean; checks: { name: string; state: string; remedy?: string }[] }>();
  assert.equal(ok, false);
  assert.deepEqual(
    checks.map(({ name, state }) => `${name} ${state}`),
    [
      'configuration ok',
      'encryption ok',
      'server problem',
      'namespace not-checked',
      'search attributes not-checked',
      'worker not-checked',
      'workspace not-checked',
    ],
  );
  assert.match(checks[2]!.remedy!, /holdfast dev/);
});

test('colours: none without a terminal, none where NO_COLOR is set', () => {
  assert.equal(usesColour({}, true), true);
  assert.equal(usesColour({}, false), false);
  assert.equal(usesColour({ NO_COLOR: '1' }, true), false);
  assert.equal(usesColour({ NO_COLOR: '' }, true), true);
  assert.equal(usesColour({ NO_COLOR: '1', FORCE_COLOR: '1' }, true), false);
  assert.equal(usesColour({ FORCE_COLOR: '1' }, false), true);
  assert.equal(usesColour({ TERM: 'dumb' }, true), false);
});

function stepsModule(name: string): string {
  const model = path.join(import.meta.dirname, '../../src/model/step/step.ts');
  return `import * as z from ${JSON.stringify(import.meta.resolve('zod'))};
import { defineStep, implementStep } from ${JSON.stringify(model)};
const contract = defineStep({ name: ${JSON.stringify(name)}, input: z.json(), output: z.json() });
export const step = implementStep(contract, () => null);
`;
}
