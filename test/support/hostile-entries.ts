/**
 * Everything that takes in what others have written, each with what it takes: for tests with hostile input. What such a
 * test has found broken is in test/fixtures/hostile.json, by the name of the entry.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type fc from 'fast-check';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config.ts';
import { parseKeys } from '../../src/codec/keys.ts';
import type { Json } from '../../src/model/canonical-json.ts';
import { parseEdit } from '../../src/model/job/edit.ts';
import { parseRewind } from '../../src/model/job/rewind.ts';
import { assertPlan } from '../../src/model/plan/check/check.ts';
import { formatProblems } from '../../src/model/plan/problem/problem.ts';
import { parseTemplate } from '../../src/model/plan/reference/template.ts';
import { parseInput, workspaceOf } from '../../src/model/plan/run/input.ts';
import { parsePlan } from '../../src/model/plan/text/text.ts';
import { parseAbort, parseDecision } from '../../src/model/question/decision.ts';
import { formatResource, parseResource } from '../../src/model/record/resource.ts';
import { parseClaim } from '../../src/model/step/claim.ts';
import { parseCommand } from '../../src/model/step/command.ts';
import { readingsOf } from '../../src/model/stored-job-name.ts';
import { openArchive } from '../../src/protocol/retention/archive-file.ts';
import { readHolders } from '../../src/store/lock/holder-file.ts';
import { inspectSealed } from '../../src/store/sealed/inspect.ts';
import { openSealed } from '../../src/store/sealed/open.ts';
import { assertShowable, hostileBytes, hostileJson, hostileTexts } from './hostile.ts';

const ROOT = path.join(import.meta.dirname, '../..');

export interface Entry {
  readonly name: string;
  /** As JSON: bytes are base64. */
  readonly input: fc.Arbitrary<Json>;
  /** Takes it, or throws a failure of the closed list. */
  readonly take: (input: Json) => unknown;
}

/**
 * @param folder for files; each is overwritten by the next
 * @param archive the bytes of one
 */
export function hostileEntries(folder: string, archive: Buffer): readonly Entry[] {
  return [...ofPlans(), ...ofMessages(), ...ofTexts(), ...ofFiles(folder, archive)];
}

function source(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

const PLANS = ['demo/plan.yaml', 'examples/order/plan.yaml', 'examples/research/plan.yaml'];
const DIGEST = 'a'.repeat(64);

function ofPlans(): readonly Entry[] {
  const texts = PLANS.map(source);
  const values = texts.map((text) => parse(text) as Json);
  const plan = assertPlan({
    schemaVersion: 1,
    name: 'orders',
    workspace: 'orders/${{ input.name }}',
    input: {
      type: 'object',
      properties: {
        name: { type: 'string', maxLength: 40, pattern: '^[a-z]+$' },
        count: { type: 'integer', minimum: 0, default: 3 },
        lines: { type: 'array', items: { type: 'object', properties: { sku: { type: 'string' } } } },
      },
      required: ['name'],
    },
    steps: [{ id: 'write', use: 'file.write', with: { path: '${{ input.name }}.txt', content: 'x' } }],
  });
  const read = (text: string): void => {
    const checked = parsePlan(text, { filename: 'plan.yaml' });
    // What was accepted once is accepted as it was understood.
    if (checked.ok) assertPlan(structuredClone(checked.plan));
    else assertShowable(formatProblems(checked.problems, 'plan.yaml'));
  };
  return [
    { name: 'the text of a plan', input: hostileTexts(...texts), take: (text) => read(text as string) },
    { name: 'a plan', input: hostileJson(...values), take: (value) => read(jsonOf(value)) },
    { name: 'a plan of the library', input: hostileJson(...values), take: (value) => assertPlan(value) },
    {
      name: 'the input of a job',
      input: hostileJson({ name: 'a', count: 2, lines: [{ sku: 'x' }] }),
      take: (input) => workspaceOf(plan, parseInput(plan, input)),
    },
  ];
}

/** What is nested deeper than JavaScript can write is as deep in a text that nests without end. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return '['.repeat(100_000);
    throw error;
  }
}

function ofMessages(): readonly Entry[] {
  const who = { by: 'ada@example.com', reason: 'looked at it' };
  const decision = {
    ...who,
    digest: DIGEST,
    answer: 'accept',
    items: { 'file:a.txt': 'restore', 'row:main/t/{"id":1}': 'accept' },
    results: { 'perform:pay/charge': { id: 7 } },
  };
  const told = (parsed: object): void => {
    const problems = 'problems' in parsed ? (parsed.problems as string[]) : ['none'];
    assert.ok(problems.length > 0 && problems.every((problem) => problem !== ''), 'it is refused without a word');
  };
  return [
    { name: 'a decision', input: hostileJson(decision), take: (value) => told(parseDecision(value)) },
    { name: 'an abort', input: hostileJson({ ...who, compensate: true }), take: (value) => told(parseAbort(value)) },
    {
      name: 'a rewind',
      input: hostileJson({ ...who, to: 3, items: { 'statements:a': 'repeat' } }),
      take: (value) => told(parseRewind(value)),
    },
    {
      name: 'an edit',
      input: hostileJson({ ...who, asNode: 'analyse', values: { notes: ['a'] }, output: { a: 1 } }),
      take: (value) => told(parseEdit(value)),
    },
  ];
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function ofTexts(): readonly Entry[] {
  const text = (name: string, sound: readonly string[], take: (text: string) => unknown): Entry => ({
    name,
    input: hostileTexts(...sound),
    take: (input) => take(input as string),
  });
  const resources = [
    'file:a/b.md',
    'files:a/**',
    'row:main/weather/{"id":7}',
    'schema:main/weather',
    `token:main/${DIGEST}`,
    'perform:pay/charge',
    'plan:',
  ];
  return [
    text('a resource', resources, (uri) => {
      const resource = parseResource(uri);
      parseResource(formatResource(resource));
    }),
    text('a claim', ['file:a/b.md', 'file:a/', 'table:main/t', 'row:main/t/{"id":7}', 'schema:main/t'], parseClaim),
    text('a reference', ['${{ steps.a.output.b[0] }} and ${{ input["x y"] }}', '$${{ no }}'], (given) =>
      parseTemplate(given),
    ),
    text('keys', [`first:${Buffer.alloc(32).toString('base64')}\n# old\nsecond:${'A'.repeat(43)}=`], (given) =>
      parseKeys(given, 'keys.txt'),
    ),
    text('a command', ['["npm", "pack"]', '"npm pack"'], (given) => parseCommand(parsedOrText(given), { shell: true })),
    text('a job in a store', ['/srv/store/job-1@7', 'postgres://host/db/job@wf@3?schema=s', 'a/b/c'], readingsOf),
  ];
}

const SEALED = ['checkpoint-1-none.sealed', 'checkpoint-1-zstd.sealed', 'archive-1-zstd.sealed'];

function ofFiles(folder: string, archive: Buffer): readonly Entry[] {
  const bytes = (name: string, sound: readonly Buffer[], take: (bytes: Buffer) => unknown): Entry => ({
    name,
    input: hostileBytes(...sound).map((made) => made.toString('base64')),
    take: (input) => take(Buffer.from(input as string, 'base64')),
  });
  const file = (name: string): string => path.join(folder, name);
  const fixtures = path.join(ROOT, 'test/fixtures/sealed');
  const sealed = SEALED.map((name) => readFileSync(path.join(fixtures, name)));
  let configurations = 0;
  return [
    bytes('a sealed checkpoint', sealed, (made) => {
      inspectSealed(made);
      openSealed(made, { kind: 'checkpoint', place: 'checkpoint 1' });
    }),
    bytes('an archive', [archive], (made) => {
      writeFileSync(file('archive.tar'), made);
      openArchive(file('archive.tar')).close();
    }),
    {
      name: 'a configuration',
      input: hostileJson({
        taskQueue: 'queue',
        workspaceRoot: 'work',
        steps: [{ contract: { name: 'greet' } }],
        maxConcurrentSteps: 4,
        heartbeatIntervalMs: 500,
        temporal: { maxCachedWorkflows: 10 },
      }),
      take: async (value) => {
        // A module is loaded once under its name.
        const config = file(`config-${(configurations += 1)}.mjs`);
        writeFileSync(config, `export default JSON.parse(${JSON.stringify(jsonOf(value))});\n`);
        try {
          await loadConfig({ cwd: folder, config });
        } finally {
          rmSync(config);
        }
      },
    },
    {
      name: 'what a process says of itself beside a lock',
      input: hostileJson({ schemaVersion: 1, identity: { pid: 7, host: 'a' }, beatMs: 1_000 }).map(jsonOf),
      take: (text) => {
        mkdirSync(file('holders'), { recursive: true });
        writeFileSync(path.join(file('holders'), 'a.json'), text as string);
        readHolders(folder);
      },
    },
  ];
}
