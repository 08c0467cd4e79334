/** How records become the manifest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldManifest, type ManifestEntry } from '../../src/model/record/manifest.ts';
import type { Change, ChainRecord } from '../../src/model/record/record.ts';
import type { ResourceState } from '../../src/model/record/world.ts';

const resource = 'file:notes.json';

function file(digit: string): ResourceState {
  return { kind: 'file', sizeBytes: 1, mode: 0o644, content: digit.repeat(64) as never };
}

function record(seq: number, kind: 'step' | 'decision', changes: readonly Change[]): ChainRecord {
  return {
    kind,
    seq,
    at: '2026-01-01T00:00:00.000Z',
    stepId: `step-${seq}`,
    generation: 0,
    changes,
  } as unknown as ChainRecord;
}

function folded(records: readonly ChainRecord[]): ManifestEntry | undefined {
  const manifest = new Map<string, ManifestEntry>();
  for (const each of records) foldManifest(manifest, each);
  return manifest.get(resource);
}

test('the first read of a resource that nobody wrote is what is recorded of it', () => {
  assert.deepEqual(folded([record(1, 'step', [{ resource, role: 'read', state: file('a') }])])?.state, file('a'));
});

test('a step that was in flight during a decision does not take back what was decided', () => {
  const entry = folded([
    record(1, 'step', [{ resource, role: 'written', state: file('a') }]),
    record(2, 'decision', [{ resource, role: 'accepted', state: file('b') }]),
    record(3, 'step', [{ resource, role: 'read', state: file('a') }]),
  ]);
  assert.deepEqual([entry?.state, entry?.seq], [file('b'), 2]);
});

test('the latest write counts, whoever wrote', () => {
  const entry = folded([
    record(1, 'step', [{ resource, role: 'written', state: file('a') }]),
    record(2, 'step', [{ resource, role: 'written', state: file('b') }]),
  ]);
  assert.deepEqual([entry?.state, entry?.stepId], [file('b'), 'step-2']);
});
