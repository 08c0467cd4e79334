/** `holdfast doctor --deep` reads back the record's contents, and what the job's store has of it. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Json } from '../../src/model/canonical-json.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { loadCheckpoint } from '../../src/protocol/checkpoint/load-job.ts';
import { seal } from '../../src/store/sealed/seal.ts';
import { openTestJob } from '../../src/testing.ts';
import { cli } from '../support/cli-terminal.ts';
import { latestStored, Notes, sealAll, storedPlace } from '../support/stored-job.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

class StoredJob extends TestedJob {
  place!: ReturnType<typeof storedPlace>;

  override async begin(): Promise<void> {
    this.place = storedPlace();
    const store = join(this.place.root, 'store');
    mkdirSync(join(this.place.root, 'ws'));
    this.job = openTestJob({ workspace: join(this.place.root, 'ws'), checkpoint: { store } });
    const notes = new Notes();
    for (const [stepId, content] of [
      ['a', 'a'],
      ['b', 'b'.repeat(50_000)],
      ['c', 'c'],
    ] as const) {
      const given = { path: `${stepId}.txt`, content };
      await this.job.step(fileWriteStep, given, { stepId, checkpoints: [notes.next()] });
    }
    await sealAll(this.job, store);
  }

  override async end(): Promise<void> {
    await super.end();
    this.place[Symbol.dispose]();
  }

  async deep(...more: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
    const { code, out } = await cli(['doctor', this.job.workspace, '--deep', '--address', '127.0.0.1:1', ...more]);
    return { code, out };
  }

  async blobOf(step: string): Promise<string> {
    const { chain } = await latestStored(this.place.store, this.job.jobId);
    const found = chain.map(({ record }) => record).find((record) => record.kind === 'step' && record.stepId === step);
    assert.ok(found?.kind === 'step');
    const [{ effect }] = found.effects as [(typeof found.effects)[number]];
    assert.ok(effect.kind === 'file.write');
    return effect.after.content;
  }
}

const stored = forEachTest(new StoredJob());

test('doctor --deep reads every checkpoint of the job, and every content that one names', async () => {
  const { out } = await stored.deep();
  assert.match(out, /✔ contents +3 contents read, each as its digest says/);
  assert.match(
    out,
    /✔ checkpoints +3 checkpoints and 1 content in .*\/store read, each as it was written, and of this/,
  );
});

test('a content that is gone, a damaged checkpoint and a content that the store has lost are named', async () => {
  const large = await stored.blobOf('b');
  rmSync(stored.at(join('.holdfast', 'blobs', large.slice(0, 1), large.slice(1))), { force: true });
  const { jobId } = stored.job;
  const [, second] = await stored.place.store.generations(jobId);
  writeFileSync(stored.place.store.where(jobId, second!), 'not a checkpoint');
  await stored.place.store.removeBlob(large);
  const { code, out } = await stored.deep();
  assert.notEqual(code, 0);
  assert.match(out, new RegExp(`✖ contents +content ${large} of file:b\\.txt \\(record \\d+\\) is not there`));
  assert.match(out, new RegExp(`✖ checkpoints .*${String(second).padStart(10, '0')}\\.sealed.*${large}`, 's'));
  assert.match(out, /Remedy: See how much of a file is sound: holdfast checkpoints --inspect FILE/);
  const { out: json } = await stored.deep('--json');
  const { ok, checks } = JSON.parse(json) as { ok: boolean; checks: { name: string; state: string }[] };
  assert.equal(ok, false);
  assert.deepEqual(
    checks.filter(({ state, name }) => state === 'problem' && name !== 'server').map(({ name }) => name),
    ['contents', 'checkpoints'],
  );
});

test('checkpoints of another history are named, and a store that is elsewhere is a warning', async () => {
  const { jobId } = stored.job;
  const { store } = stored.place;
  const third = (await store.generations(jobId)).at(-1)!;
  const checkpoint = await loadCheckpoint(store, jobId, third);
  await store.remove(jobId, third);
  const records = checkpoint.chain.records.map((text) => text.replace('"b.txt"', '"x.txt"'));
  const changed = { ...checkpoint, chain: { ...checkpoint.chain, records } };
  await store.put(jobId, third, seal({ kind: 'checkpoint', document: changed as unknown as Json, writer: 'w' }));
  assert.match((await stored.deep()).out, /✖ checkpoints .*its records do not lead to the place in the chain/s);
  renameSync(join(stored.place.root, 'store'), join(stored.place.root, 'moved'));
  const { out } = await stored.deep();
  assert.match(out, /! checkpoints +none of this job in .*\/store/);
  assert.deepEqual(readdirSync(stored.place.root).sort(), ['moved', 'ws'], 'nothing is made by looking');
});
