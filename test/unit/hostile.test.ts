/**
 * Whatever others have written is taken or refused by name, never a crash: plans, messages, texts, files. A few inputs
 * each time (`HOLDFAST_SEED` chooses them), and all that was ever found; many: test/fault/hostile.test.ts.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { parseEdit } from '../../src/model/job/edit.ts';
import { assertPlan, validatePlan } from '../../src/model/plan/check/check.ts';
import { openSealed } from '../../src/store/sealed/open.ts';
import { RowStateSchema } from '../../src/model/record/world.ts';
import { firstLine } from '../../src/store/sealed/format.ts';
import { SEALED_KINDS } from '../../src/store/sealed/kinds.ts';
import { enclose } from '../../src/store/sealed/seal.ts';
import { madeArchive } from '../support/ended-job.ts';
import { hostileEntries } from '../support/hostile-entries.ts';
import { tryFound, tryHostile } from '../support/hostile-runs.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-hostile-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const entries = hostileEntries(folder, await madeArchive(path.join(folder, 'archived')));

for (const entry of entries)
  test(`whatever ${entry.name} is, it is taken or refused by name`, async (t) => {
    await tryFound(entry);
    await tryHostile(entry, t, 40);
  });

test('what is nested deeper than any reader follows is refused in words, whoever gets it', () => {
  const levels = 20_000;
  const deep: unknown = JSON.parse(`${'{"a":'.repeat(levels)}null${'}'.repeat(levels)}`);
  const edit = parseEdit({ by: 'ada', reason: 'looked at it', asNode: 'analyse', output: deep });
  assert.deepEqual(edit, { problems: ['what was sent is nested deeper than 256 levels'] });
  const plan = { schemaVersion: 1, name: 'deep', workspace: 'deep' };
  const steps = [{ id: 'a', use: 'file.write', with: deep }];
  assert.throws(() => assertPlan({ ...plan, steps }), /the plan is nested deeper than 256 levels/);
  const around: Record<string, unknown> = {};
  around['self'] = around;
  assert.equal(validatePlan({ ...plan, name: around }).ok, false);
  const levelsOfSeal = 300;
  const stored = Buffer.from(`${'['.repeat(levelsOfSeal)}${']'.repeat(levelsOfSeal)}`);
  const { length } = stored;
  const header = { kind: 'checkpoint', codec: 'none', size: length, stored: length, writer: 'test' } as const;
  const sealed = enclose(firstLine({ ...header, schemaVersion: SEALED_KINDS.checkpoint.schemaVersion }), stored);
  assert.throws(
    () => openSealed(sealed, { kind: 'checkpoint', place: 'checkpoint 1' }),
    (error) => isFailure(error, 'checkpoint-damaged') && error.message.includes('nested deeper than 256 levels'),
  );
});

test('a name as long as a book, and a thousand unknown fields, make no message as long', () => {
  const long = 'a'.repeat(70_000);
  const fields = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`field${index}`, 1]));
  for (const more of [{ [long]: 1 }, fields, { name: long }])
    assert.throws(
      () => assertPlan({ schemaVersion: 1, name: 'long', workspace: 'w', steps: [], ...more }),
      (error) => isFailure(error, 'bad-plan') && error.message.length < 30_000,
    );
  const { problems } = parseEdit({ by: 'ada', reason: 'r', ...fields, [long]: 1 }) as { problems: readonly string[] };
  assert.equal(problems.length, 101);
  assert.match(problems.at(-1)!, /^and \d+ more$/);
});

test('a column may be called __proto__: what is recorded of it is not dropped', () => {
  const columns: unknown = JSON.parse('{"id":1,"__proto__":"held"}');
  const { columns: read } = RowStateSchema.parse({ kind: 'row', columns });
  assert.deepEqual(Object.entries(read), [
    ['id', 1],
    ['__proto__', 'held'],
  ]);
});
