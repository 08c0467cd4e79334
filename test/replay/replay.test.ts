/** Every recorded history replays on today's code: jobs that are running go on through a new release. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { PATCHES, type PatchId } from '../../src/workflows/patches.ts';
import { testBundle } from '../support/bundle.ts';
import { SCENARIOS } from './scenarios.ts';

const folder = new URL('./histories/', import.meta.url).pathname;
const RECORDED = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .sort()
  .map((name) => ({ name: name.replace('.json', ''), text: readFileSync(join(folder, name), 'utf8') }))
  .map((recorded) => ({ ...recorded, patches: patchesIn(recorded.text) }));
const PATCH_IDS = Object.keys(PATCHES) as PatchId[];
/** Which history shows the old behaviour: tried before the others, which take ten seconds. */
const SHOWN_BY: Readonly<Partial<Record<PatchId, string>>> = {
  'ask-when-no-input-can-be-made': 'input-without-a-value-failed-the-job',
  'rerun-voids-what-was-asked-before': 'drift-rerun-by-update',
  'steps-in-a-window': 'a-wide-super-step-at-once',
  'abort-ends-all-at-once': 'aborted-during-a-repair',
  'a-cancellation-ends-a-pending-restart': 'cancelled-while-a-restart-waits',
  'a-cancellation-spares-the-release': 'cancelled-during-the-release',
  'nothing-is-decided-while-ending': 'decided-while-ending',
  'a-settled-question-stays-settled': 'question-that-was-settled-comes-back',
  'compare-after-every-answer': 'approval-rejected-then-approved',
  'a-freed-workspace-is-noticed': 'workspace-of-a-running-job',
  'a-shared-comparison-is-the-jobs': 'scope-cancelled-during-a-comparison',
  'wrong-options-are-refused': 'unknown-fields-passed-over',
  'a-pinned-job-moves-to-the-current-version': 'pinned-and-woken-stayed',
  'what-no-worker-takes-is-told': 'untaken-work-failed-the-job',
  'a-step-makes-one-promise': 'a-step-beside-a-timer',
  'results-left-out-are-recalled': 'what-was-left-out-is-requested-again',
};
/** Stands between a patch that is taken away and a history's name, in a Workflow id. */
const WITHOUT = ' is taken away from ';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const workflowBundle = await testBundle(new URL('./own-workflows.ts', import.meta.url).pathname);
// A worker takes a tenth of a second to come up, one for each history and patch half a minute in all.
const outcomes = await replayAll();
const needed = await patchesThatAreNeeded();

for (const { name } of RECORDED) {
  test(`replays ${name}`, () => {
    assert.ok(outcomes.has(name), 'it was not replayed');
    const error = outcomes.get(name);
    if (error !== undefined) throw error;
  });
}

for (const id of PATCH_IDS) {
  test(`taking patched('${id}') away makes a replay fail`, () => {
    assert.ok(
      needed.has(id),
      'every history replays without the guard: it guards nothing, or its old history is missing',
    );
  });
}

test('every scenario has a recorded history, and every history its scenario', () => {
  assert.deepEqual(
    RECORDED.map(({ name }) => name),
    Object.keys(SCENARIOS).sort(),
  );
});

async function replayAll(): Promise<ReadonlyMap<string, Error | undefined>> {
  const found = new Map<string, Error | undefined>();
  const histories = RECORDED.map(({ name, text }) => ({
    workflowId: name,
    history: historyFromJSON(JSON.parse(text)),
  }));
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, histories))
    found.set(workflowId, error);
  return found;
}

/** Those without which a history does not replay. One worker replays for all: the Workflow id says for which. */
async function patchesThatAreNeeded(): Promise<ReadonlySet<PatchId>> {
  const found = new Set<PatchId>();
  function* histories(): Generator<{ workflowId: string; history: unknown }> {
    for (const id of PATCH_IDS)
      for (const { name, text } of unmarked(id))
        if (!found.has(id)) yield { workflowId: `${id}${WITHOUT}${name}`, history: historyFromJSON(JSON.parse(text)) };
  }
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: withoutOne() }, histories()))
    if (error !== undefined) found.add(workflowId.split(WITHOUT)[0] as PatchId);
  return found;
}

/** A history with the marker needs the guard anyway; a history without the marker shows the old behaviour. */
function unmarked(id: PatchId): typeof RECORDED {
  return RECORDED.filter(({ patches }) => !patches.has(id)).sort(
    (a, b) => Number(b.name === SHOWN_BY[id]) - Number(a.name === SHOWN_BY[id]),
  );
}

function patchesIn(text: string): ReadonlySet<string> {
  const { events } = JSON.parse(text) as { events: { markerRecordedEventAttributes?: Marker }[] };
  const markers = events.flatMap(({ markerRecordedEventAttributes: marker }) => marker ?? []);
  return new Set(
    markers.flatMap(({ details }) =>
      (details['patch-data']?.payloads ?? []).map(
        ({ data }) => (JSON.parse(Buffer.from(data, 'base64').toString()) as { id: string }).id,
      ),
    ),
  );
}

interface Marker {
  readonly details: Readonly<Record<string, { readonly payloads: readonly { readonly data: string }[] }>>;
}

/** The Workflows with one guard taken away: that of the patch which the Workflow id begins with. */
function withoutOne(): WorkflowBundleWithSourceMap {
  const call = /(?<=\breturn )\(0, *([\w.]+)\.patched\)\(id\)/g;
  assert.equal(workflowBundle.code.match(call)?.length, 1, 'where is isPatched of src/workflows/patches.ts?');
  const code = workflowBundle.code.replace(
    call,
    (patched: string, sdk: string) =>
      `(0,${sdk}.workflowInfo)().workflowId.startsWith(id + ${JSON.stringify(WITHOUT)}) || ${patched}`,
  );
  return { ...workflowBundle, code };
}
