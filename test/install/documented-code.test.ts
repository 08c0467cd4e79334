/** The code of the pages compiles strictly; their plans are checked, and run where they can be. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { stringify } from 'yaml';
import * as z from 'zod';
import { defineStep, implementStep, PlanSchema } from '../../src/index.ts';
import type { Question } from '../../src/model/question/question.ts';
import { openTestJob, type TestJob } from '../../src/testing.ts';
import { codeBlocks, planOf } from '../support/documented.ts';
import { cli } from '../support/cli-terminal.ts';
import { questionFrom } from '../support/questions.ts';

const checkout = join(import.meta.dirname, '../..');
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-documented-code-')));
after(() => rmSync(root, { recursive: true, force: true }));

/**
 * What the reader of a page has already, for each of its blocks that is no whole file. A page with a new block, or one
 * whose block uses what nobody has, fails: that reader would be lost as well.
 */
const GIVEN: Readonly<Record<string, readonly string[]>> = {
  'README.md': [
    `import { appendFile } from 'node:fs/promises';
     import type { StepContext } from 'holdfast';
     declare const ctx: StepContext, customer: string;`,
    'declare function askModel(text: string): Promise<string>;',
    `import { Client, type Connection } from '@temporalio/client';
     import { Worker } from '@temporalio/worker';
     import type { StepImplementation } from 'holdfast';
     import { HoldfastPlugin } from 'holdfast/plugin';
     declare const steps: StepImplementation[], connection: Connection, taskQueue: string, workflowsPath: string;
     declare const activities: object;`,
  ],
  'SKILL.md': [],
  'docs/agents.md': [
    `import type { StepContract } from 'holdfast';
     import * as z from 'zod';
     interface MendInput { readonly workspace: string; readonly task: string }
     declare const read: StepContract<z.ZodObject<{ path: z.ZodString }>, z.ZodString>;
     declare const edit: StepContract<z.ZodObject<{ path: z.ZodString }>, z.ZodNull>;`,
    `import type { ProviderV4 } from '@ai-sdk/provider';
     import type { StepImplementation } from 'holdfast';
     import { agentSteps, aiSdkPlugin } from 'holdfast/agents/worker';
     import { createWorker } from 'holdfast/worker';
     declare const steps: StepImplementation[], openai: ProviderV4;`,
  ],
  'docs/command-line.md': [''],
  'docs/crash-test.md': [
    `import type { StepImplementation } from 'holdfast';
     declare const steps: StepImplementation[];
     declare function startShop(file: string): Promise<{ readonly url: string; stop(): Promise<void> }>;`,
    `import assert from 'node:assert/strict';
     import type { PlanSource } from 'holdfast';
     declare const plan: PlanSource;`,
  ],
  'docs/getting-started.md': [],
  'docs/langgraph.md': [
    `import { Annotation, StateGraph } from '@langchain/langgraph';
     declare const builder: StateGraph<typeof Annotation.Root>;`,
    `import type { HoldfastSaver } from 'holdfast/langgraph';
     declare const checkpointer: HoldfastSaver;`,
    `import { HoldfastSaver } from 'holdfast/langgraph';`,
    `import { HoldfastSaver } from 'holdfast/langgraph';
     declare class Money { readonly amount: number }`,
  ],
  'docs/plugin.md': [
    `import { bundleWorkflowCode, Worker } from '@temporalio/worker';
     import { HoldfastPlugin } from 'holdfast/plugin';
     import * as activities from './activities.ts';
     import { steps } from './steps.ts';
     declare const workflowsPath: string;`,
  ],
  'docs/testing.md': [],
};
/** Files of another page that a page goes on with. */
const FILES_OF: Readonly<Record<string, string>> = { 'docs/testing.md': 'docs/getting-started.md' };
/** What a page imports of the reader's own. */
const OWN_FILES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docs/command-line.md': {
    'steps.ts': `import type { StepImplementation } from 'holdfast'; export declare const analyse: StepImplementation;`,
  },
};

/** A folder a page, with its files and, with what the reader has, its other blocks. */
function writePage(page: string): void {
  const folder = join(root, basename(page, '.md'));
  mkdirSync(folder);
  const blocks = codeBlocks(page).filter(({ language }) => language === 'ts');
  const given = [...GIVEN[page]!];
  for (const { file, text } of [...codeBlocks(FILES_OF[page] ?? page), ...blocks])
    if (file?.endsWith('.ts') === true) writeFileSync(join(folder, file), text);
  for (const [file, text] of Object.entries(OWN_FILES[page] ?? {})) writeFileSync(join(folder, file), text);
  for (const [number, { text }] of blocks.filter(({ file }) => file === undefined).entries()) {
    const before = given.shift();
    assert.ok(before !== undefined, `${page} has a block more than GIVEN has: ${text}`);
    writeFileSync(join(folder, `block-${number}.ts`), `${before}\n${text}\nexport {};\n`);
  }
  assert.deepEqual(given, [], page);
}

/** As a project has them: every package beside the code. */
function installPackages(): void {
  const modules = realpathSync(join(checkout, 'node_modules'));
  for (const name of readdirSync(modules).filter((entry) => !entry.startsWith('.')))
    for (const own of name.startsWith('@')
      ? readdirSync(join(modules, name)).map((part) => `${name}/${part}`)
      : [name]) {
      mkdirSync(dirname(join(root, 'node_modules', own)), { recursive: true });
      symlinkSync(join(modules, own), join(root, 'node_modules', own));
    }
  symlinkSync(checkout, join(root, 'node_modules/holdfast'));
}

const COMPILER_OPTIONS = {
  target: 'es2024',
  lib: ['es2024', 'esnext.disposable'],
  module: 'nodenext',
  customConditions: ['holdfast-source'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
};

test('the code of README, skill, plugin, agents, testing, getting started and configuration compiles strictly', () => {
  for (const page of Object.keys(GIVEN)) writePage(page);
  installPackages();
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(root, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['*/*.ts'] }),
  );
  const tsc = join(checkout, 'node_modules/typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', root], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
});

/** A file that a plan of the pages names. */
const SUB_PLAN = {
  schemaVersion: 1,
  name: 'draft-and-review',
  workspace: 'drafts',
  input: {
    type: 'object',
    properties: {
      topic: { type: 'string' },
      text: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      round: { type: 'integer' },
    },
  },
  state: { text: {}, score: { reducer: 'max' } },
  steps: [
    { id: 'draft', use: 'write-draft', with: '${{ input }}', state: { text: '${{ output.text }}' } },
    { id: 'review', use: 'review', needs: ['draft'], state: { score: '${{ output.score }}' } },
  ],
};

test('every plan of the pages, and every part of one, has no problems', async () => {
  writeFileSync(join(root, 'draft-and-review.yaml'), stringify(SUB_PLAN));
  const pages = ['README.md', 'SKILL.md', ...readdirSync(join(checkout, 'docs')).map((name) => `docs/${name}`)];
  let checked = 0;
  for (const page of pages.filter((name) => name.endsWith('.md')))
    for (const { language, text } of codeBlocks(page)) {
      const plan = language === 'yaml' ? planOf(text) : undefined;
      if (plan === undefined) continue;
      const file = join(root, 'plan.yaml');
      writeFileSync(file, stringify(plan));
      const { code, out, err } = await cli(['check', file], { cwd: root });
      assert.equal(code, 0, `${page}:\n${text}\n${out}${err}`);
      checked += 1;
    }
  assert.ok(checked >= 5, `${checked} plans`);
});

test('plans: the plan of the page runs, two analyses at once, and stops for the approval of its report', async () => {
  const analyse = implementStep(
    defineStep({
      name: 'analyse',
      input: z.object({ rows: z.array(z.object({ day: z.string(), wind: z.number() })), look: z.string() }),
      output: z.object({ finding: z.string() }),
    }),
    (_, { rows, look }) => {
      const wind = (look === 'strongest' ? Math.max : Math.min)(...rows.map((row) => row.wind));
      return { finding: `${look}: ${wind}` };
    },
  );
  const write = implementStep(
    defineStep({
      name: 'write-report',
      input: z.object({ title: z.string(), findings: z.array(z.string()) }),
      output: z.object({}),
    }),
    async (ctx, { title, findings }) => {
      await ctx.files.write('report.md', `${title}\n${findings.join('\n')}\n`);
      return {};
    },
  );
  const { text } = codeBlocks('docs/plans.md').find(({ language }) => language === 'yaml')!;
  const plan = PlanSchema.parse(planOf(text));
  const input = { city: 'Oslo' };
  const run = async (given: typeof plan): Promise<{ readonly job: TestJob; readonly question: Question }> => {
    const job = openTestJob({
      steps: [analyse, write],
      databases: { main: plan.databases!['main']!.url },
      env: { DATABASE_URL: 'sqlite:main.db' },
      watch: [{ kind: 'schema', database: 'main', table: 'weather' }],
    });
    after(() => job.close());
    const database = new DatabaseSync(join(job.workspace, 'main.db'));
    database.exec(`create table weather (day text, city text, wind real, primary key (day, city));
      insert into weather values ('mon', 'Oslo', 3), ('tue', 'Oslo', 9), ('tue', 'Rome', 20), ('wed', 'Oslo', 5)`);
    database.close();
    return { job, question: await questionFrom(job.runPlan(given, input)) };
  };
  // The page's statement is one for PostgreSQL.
  const { question: stuck } = await run(plan);
  assert.match(stuck.findings[0]!.difference, /On SQLite the place of each value is `\?`/);
  const forSqlite = PlanSchema.parse(planOf(text.replaceAll(/\$\d/g, '?')));
  const { job, question } = await run(forSqlite);
  assert.deepEqual([question.kind, question.findings[0]?.resource], ['approval', 'intent:report']);
  await job.decide(question, { answer: 'approve' });
  const { state } = await job.runPlan(forSqlite, input);
  assert.deepEqual(state, { findings: ['strongest: 9', 'calmest: 3'] });
  assert.equal(readFileSync(join(job.workspace, 'report.md'), 'utf8'), 'Wind in Oslo\nstrongest: 9\ncalmest: 3\n');
});
