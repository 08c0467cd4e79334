/**
 * What the worker may not read is neither "gone" nor "unchanged": it is named, and only `recheck` and `abort` are
 * offered.
 */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  copyOf,
  findingFor,
  makeFixture,
  removeFixture,
  SQLITE_FILE,
  TRIGGERS,
  waitLong,
  type Fixture,
} from '../support/drift.ts';
import { snapshotFiles } from '../support/snapshot.ts';
import { anUnprivilegedWorker, giveAway, type UnprivilegedWorker } from '../support/unprivileged.ts';

let fixture: Fixture;
let worker: UnprivilegedWorker;

before(async () => {
  worker = anUnprivilegedWorker();
  fixture = await makeFixture();
});

after(async () => {
  await worker.end();
  removeFixture(fixture);
});

const UNREADABLE = [
  { name: 'a file', path: 'out/a.txt', mode: 0o000, back: 0o644, resource: 'file:out/a.txt' },
  { name: 'an input', path: 'input.txt', mode: 0o000, back: 0o644, resource: 'file:input.txt' },
  { name: "a file's folder", path: 'out', mode: 0o000, back: 0o755, resource: 'file:out/a.txt' },
  { name: 'the database', path: SQLITE_FILE, mode: 0o000, back: 0o644, resource: 'database:main' },
] as const;

for (const [index, { name, path, mode, back, resource }] of UNREADABLE.entries()) {
  // Each kind with two triggers, so that each trigger comes twice.
  for (const trigger of [TRIGGERS[index % TRIGGERS.length]!, TRIGGERS[(index + 1) % TRIGGERS.length]!]) {
    test(`after a ${trigger}: ${name} that may not be read is named, and nothing goes on until it can be`, async () => {
      const copy = copyOf(fixture);
      try {
        if (trigger === 'long wait') waitLong(copy.workspace);
        giveAway(copy.workspace);
        chmodSync(join(copy.workspace, path), mode);
        const before = snapshotFiles(copy.workspace, [SQLITE_FILE]);
        const met = await worker.resume(copy, trigger);
        assert.ok('question' in met, JSON.stringify(met));
        assert.equal(met.question.kind, 'unverifiable');
        const finding = findingFor(met.question, resource);
        assert.match(finding.kind, /^unrea(dable|chable)$/);
        assert.match(finding.found.text, /may not|permission|cannot|EACCES|unable/i);
        assert.deepEqual(finding.answers, ['recheck', 'abort']);
        assert.match(finding.advice ?? '', /then answer recheck/);
        assert.deepEqual(snapshotFiles(copy.workspace, [SQLITE_FILE]), before);
        if (trigger === 'reset') return;
        chmodSync(join(copy.workspace, path), back);
        assert.deepEqual(await worker.resume(copy, trigger), { ran: true });
      } finally {
        removeFixture(copy);
      }
    });
  }
}
