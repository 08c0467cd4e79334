/**
 * A person edits a file while a rewind, or the undoing of one, is carried out: at each of its fault points, before and
 * after it is sealed. What the person wrote stays where it is, and is asked about before a step goes on over it.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { QuestionAsked, type TestJob, type TestJobMemory } from '../../src/testing.ts';
import { checkpointsOf, firstHalf, makeWorld, openRewoundJob, secondHalf } from '../support/rewound-job.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-rewind-edited-'));
after(() => rmSync(root, { recursive: true, force: true }));
const EDIT = 'a person, in between\n';

interface Start {
  readonly folder: string;
  readonly memory: TestJobMemory;
}

let done: Start;
let back: Start;
let to: number;

before(async () => {
  const job = openRewoundJob({ workspace: makeWorld(join(root, 'done')) });
  await firstHalf(job);
  await secondHalf(job);
  to = checkpointsOf(job)[1]!;
  await job.close();
  done = { folder: join(root, 'done'), memory: job.memory };
  const again = openRewoundJob({ workspace: copyOf(done.folder, 'back'), memory: job.memory });
  assert.ok((await again.rewind({ to })).kind === 'repaired');
  await again.close();
  back = { folder: join(root, 'back'), memory: again.memory };
});

function copyOf(from: string, name: string): string {
  const workspace = join(root, name);
  cpSync(from, workspace, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  return workspace;
}

type Result = Awaited<ReturnType<TestJob['rewind']>>;
type Act = (job: TestJob) => Promise<Result>;
const rewind: Act = (job) => job.rewind({ to });
const undo: Act = (job) => job.rewind({ undo: true });

/** At the hit of that number, of all points but those of fsyncs. Undefined: it is not reached. */
async function editedAt(workspace: string, memory: TestJobMemory, act: Act, path: string, hit: number) {
  const job = openRewoundJob({ workspace, memory });
  let hits = 0;
  let at: string | undefined;
  let [isSealed, wasSealed] = [false, false];
  setFaultHook((point) => {
    if (point.startsWith('fsync')) return;
    if (point === 'repair.sealed-after') isSealed = true;
    if (hits++ !== hit) return;
    at = point;
    wasSealed = isSealed;
    const file = join(workspace, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, EDIT);
  });
  try {
    const result = await act(job);
    setFaultHook(undefined);
    return at === undefined ? undefined : { job, at, wasSealed, result };
  } catch (error) {
    throw new Error(`edited at hit ${hit}, ${at}`, { cause: error });
  } finally {
    setFaultHook(undefined);
    if (at === undefined) await job.close();
  }
}

async function comparedOf(job: TestJob): Promise<readonly string[]> {
  const result = await job.verify();
  return result.kind === 'question' ? result.question.findings.map(({ resource }) => resource) : [result.kind];
}

async function askedBySteps(job: TestJob): Promise<readonly string[]> {
  try {
    await secondHalf(job);
    return ['nothing'];
  } catch (error) {
    if (!(error instanceof QuestionAsked)) throw error;
    return error.question.findings.map(({ resource }) => resource);
  }
}

async function mustStay(t: TestContext, name: string, start: () => Start, act: Act, path: string): Promise<void> {
  const points = new Map<string, number>();
  let [sealed, hit] = [0, 0];
  for (; ; hit++) {
    const { folder, memory } = start();
    const workspace = copyOf(folder, `${name}-${hit}`);
    const edited = await editedAt(workspace, memory, act, path, hit);
    if (edited === undefined) break;
    const { job, at, result } = edited;
    const file = join(workspace, path);
    const where = `${path} edited at ${at} (hit ${hit})`;
    points.set(at, (points.get(at) ?? 0) + 1);
    if (edited.wasSealed) sealed += 1;
    const text = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : 'nothing');
    assert.equal(text(), EDIT, `${where}: ${JSON.stringify(result)}`);
    if (result.kind === 'world-moved') assert.deepEqual(result.resources, [`file:${path}`], where);
    else assert.equal(result.kind, 'repaired', `${where}: ${JSON.stringify(result)}`);
    // As the Workflow goes on: with a comparison, or with the steps that run again, of which one writes there.
    const isCompared = act === undo || result.kind === 'world-moved';
    const resources = isCompared ? await comparedOf(job) : await askedBySteps(job);
    assert.equal(text(), EDIT, `${where}: a step has written over it`);
    assert.ok(resources.includes(`file:${path}`), `${where}: ${JSON.stringify(result)}, then ${resources.join()}`);
    await job.close();
    rmSync(workspace, { recursive: true, force: true });
  }
  assert.ok(hit > 20 && sealed > 10, `${hit} hits, ${sealed} of them after it was sealed`);
  t.diagnostic(`${hit} hits: ${[...points].map(([point, count]) => `${point} ${count}`).join(', ')}`);
}

test('a file that is edited while a rewind is carried out is never written over, and asked about', (t) =>
  mustStay(t, 'over', () => done, rewind, 'over.txt'));

test('so is one that the rewind takes away', (t) => mustStay(t, 'made', () => done, rewind, 'made.txt'));

test('so is one that the undoing of a rewind puts back', (t) => mustStay(t, 'undo', () => back, undo, 'over.txt'));
