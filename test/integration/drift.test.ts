/**
 * The world changes while no worker lives, made by another process; whatever resumes the job notices it before a
 * further step runs, names it, and changes nothing before a person has decided.
 */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FindingKind } from '../../src/model/question/finding.ts';
import type { TestJobOptions } from '../../src/testing.ts';
import {
  copyOf,
  findingFor,
  makeFixture,
  mark,
  questionOf,
  removeFixture,
  resume,
  SQLITE_FILE,
  stepsFor,
  TRIGGERS,
  waitLong,
  type Fixture,
} from '../support/drift.ts';
import { aPerson, type Deed, type Person } from '../support/person.ts';
import { snapshotFiles, sqliteTables } from '../support/snapshot.ts';

let fixture: Fixture;
let lastWeek: Fixture;
let person: Person;

before(async () => {
  person = await aPerson();
  fixture = await makeFixture({
    half: (workspace) => {
      lastWeek = copyOf({
        workspace,
        databaseUrl: `sqlite:${SQLITE_FILE}`,
        memory: undefined as never,
        earlier: undefined as never,
      });
    },
  });
});

after(async () => {
  await person.leave();
  removeFixture(fixture);
  removeFixture(lastWeek);
});

interface Drift {
  readonly name: string;
  readonly deeds: (workspace: string) => readonly Deed[];
  readonly resource: string;
  readonly kind: FindingKind;
  readonly expected: RegExp;
  readonly found: RegExp;
  readonly difference?: RegExp;
  /** All offered answers except `recheck` and `abort`. */
  readonly offers: readonly string[];
  readonly options?: (workspace: string) => TestJobOptions;
}

const sql =
  (text: string) =>
  (workspace: string): readonly Deed[] => [{ do: 'sql', path: join(workspace, SQLITE_FILE), sql: text }];
const at =
  (place: string) =>
  (workspace: string): string =>
    join(workspace, place);
const output = at('out/a.txt');

const DRIFTS: readonly Drift[] = [
  {
    name: 'a file is edited',
    deeds: (w) => [{ do: 'write', path: output(w), content: 'one\nTWO\nthree\n' }],
    resource: 'file:out/a.txt',
    kind: 'changed',
    expected: /14 bytes, mode 0644/,
    found: /14 bytes, mode 0644/,
    difference: /-two\n\+TWO/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: 'a file is deleted',
    deeds: (w) => [{ do: 'remove', path: output(w) }],
    resource: 'file:out/a.txt',
    kind: 'missing',
    expected: /14 bytes/,
    found: /not there/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: 'a file is replaced by a folder',
    deeds: (w) => [
      { do: 'remove', path: output(w) },
      { do: 'folder', path: output(w) },
    ],
    resource: 'file:out/a.txt',
    kind: 'kind-changed',
    expected: /14 bytes/,
    found: /a folder/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: 'a file is replaced by a symbolic link',
    deeds: (w) => [
      { do: 'remove', path: output(w) },
      { do: 'link', path: output(w), target: '../input.txt' },
    ],
    resource: 'file:out/a.txt',
    kind: 'kind-changed',
    expected: /14 bytes/,
    found: /a symbolic link to \.\.\/input\.txt/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: "a file's mode is changed",
    deeds: (w) => [{ do: 'mode', path: output(w), mode: 0o755 }],
    resource: 'file:out/a.txt',
    kind: 'mode-changed',
    expected: /mode 0644/,
    found: /mode 0755/,
    difference: /0755/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: 'an input is edited',
    deeds: (w) => [{ do: 'write', path: at('input.txt')(w), content: 'changed\n' }],
    resource: 'file:input.txt',
    kind: 'changed',
    expected: /6 bytes/,
    found: /8 bytes/,
    offers: ['accept', 'rerun'],
  },
  {
    name: 'a watched file is edited',
    deeds: (w) => [{ do: 'write', path: at('config.json')(w), content: '{"a":2}\n' }],
    resource: 'file:config.json',
    kind: 'changed',
    expected: /8 bytes/,
    found: /8 bytes/,
    offers: ['accept'],
  },
  {
    name: 'a row is changed',
    deeds: sql("UPDATE note SET text = 'edited' WHERE id = 1"),
    resource: 'row:main/note/{"id":1}',
    kind: 'row-changed',
    expected: /first/,
    found: /edited/,
    difference: /first[\s\S]*edited/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: 'a row is deleted',
    deeds: sql('DELETE FROM note WHERE id = 2'),
    resource: 'row:main/note/{"id":2}',
    kind: 'row-missing',
    expected: /second/,
    found: /not there/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: 'a column is renamed',
    deeds: sql('ALTER TABLE note RENAME COLUMN text TO body'),
    resource: 'schema:main/note',
    kind: 'schema-changed',
    expected: /text TEXT/,
    found: /body TEXT/,
    difference: /text.*body/,
    offers: ['accept', 'rerun'],
  },
  {
    name: "a column's type is changed",
    deeds: sql(
      'CREATE TABLE n2 (id INTEGER PRIMARY KEY, text TEXT, size REAL); INSERT INTO n2 SELECT * FROM ' +
        'note; DROP TABLE note; ALTER TABLE n2 RENAME TO note; CREATE INDEX note_text ON note (text)',
    ),
    resource: 'schema:main/note',
    kind: 'schema-changed',
    expected: /size INTEGER/,
    found: /size REAL/,
    difference: /size.*INTEGER.*REAL/,
    offers: ['accept', 'rerun'],
  },
  {
    name: 'an index is dropped',
    deeds: sql('DROP INDEX note_text'),
    resource: 'schema:main/note',
    kind: 'schema-changed',
    expected: /^CREATE INDEX note_text ON note \(text\)$/,
    found: /^without CREATE INDEX note_text ON note \(text\)$/,
    difference: /note_text/,
    offers: ['accept', 'rerun'],
  },
  {
    name: 'a table is dropped',
    deeds: sql('DROP TABLE note'),
    resource: 'schema:main/note',
    kind: 'table-missing',
    expected: /columns/,
    found: /not there/,
    offers: ['accept', 'rerun'],
  },
  {
    name: 'a watched query gives other rows',
    deeds: sql("INSERT INTO outside VALUES (2, 'two')"),
    resource: 'query:watch/outside',
    kind: 'watch-changed',
    expected: /1 row/,
    found: /2 rows/,
    offers: ['accept'],
  },
  {
    name: 'a watched schema is changed',
    deeds: sql('ALTER TABLE outside ADD COLUMN more TEXT'),
    resource: 'schema:main/outside',
    kind: 'schema-changed',
    expected: /^without column more TEXT$/,
    found: /^column more TEXT$/,
    difference: /more/,
    offers: ['accept'],
  },
  {
    name: 'the database cannot be reached',
    deeds: (w) => [{ do: 'remove', path: at(SQLITE_FILE)(w) }],
    resource: 'database:main',
    kind: 'unreachable',
    expected: /main\.db|can be reached/,
    found: /main\.db is gone/,
    offers: [],
  },
  {
    name: 'the database is restored from a backup',
    deeds: (w) => [
      { do: 'remove', path: at(SQLITE_FILE)(w) },
      { do: 'copy', from: at(SQLITE_FILE)(lastWeek.workspace), to: at(SQLITE_FILE)(w) },
    ],
    resource: 'row:main/note/{"id":3}',
    kind: 'row-missing',
    expected: /summary/,
    found: /not there/,
    offers: ['accept', 'restore', 'rerun'],
  },
  {
    name: "the ledger is replaced by last week's copy",
    deeds: (w) => [
      { do: 'remove', path: at('.holdfast')(w) },
      { do: 'copy', from: at('.holdfast')(lastWeek.workspace), to: at('.holdfast')(w) },
    ],
    resource: 'ledger:',
    kind: 'ledger-behind',
    expected: /record \d, which the Workflow has/,
    found: /ends at record/,
    offers: ['rebuild'],
  },
  {
    name: 'the workspace is empty',
    deeds: (w) => [
      { do: 'remove', path: w },
      { do: 'folder', path: w },
    ],
    resource: 'ledger:',
    kind: 'ledger-missing',
    expected: /ledger of job .* with \d records/,
    found: /none/,
    offers: [],
  },
  {
    name: "a step's code has another version",
    deeds: () => [],
    options: (w) => ({ steps: stepsFor(w, '2') ?? [] }),
    resource: 'code:summarise',
    kind: 'code-changed',
    expected: /version 1/,
    found: /version 2/,
    offers: ['accept', 'rerun'],
  },
  {
    name: 'the plan is another',
    deeds: () => [],
    options: () => ({ plan: { name: 'notes-2', digest: 'b'.repeat(64) } }),
    resource: 'plan:',
    kind: 'plan-changed',
    expected: /plan notes/,
    found: /plan notes-2/,
    offers: ['accept'],
  },
];

function snapshot(workspace: string): unknown {
  const files = snapshotFiles(workspace, [SQLITE_FILE]);
  try {
    return { files, tables: sqliteTables(join(workspace, SQLITE_FILE)) };
  } catch {
    return { files, tables: 'no database', exists: existsSync(join(workspace, SQLITE_FILE)) };
  }
}

for (const trigger of TRIGGERS) {
  describe(`after a ${trigger}`, () => {
    for (const drift of DRIFTS) {
      test(`${drift.name}: noticed before a further step, named, and nothing is changed`, async () => {
        const copy = copyOf(fixture);
        try {
          if (trigger === 'long wait') waitLong(copy.workspace);
          await person.does(...drift.deeds(copy.workspace));
          const before = snapshot(copy.workspace);
          const job = resume(copy, trigger, drift.options?.(copy.workspace) ?? {});
          try {
            const finding = findingFor(await questionOf(job, copy), drift.resource);
            assert.equal(finding.kind, drift.kind);
            assert.match(finding.expected.text, drift.expected);
            assert.match(finding.found.text, drift.found);
            assert.match(finding.difference, drift.difference ?? /(?:)/);
            assert.deepEqual(finding.answers, [...drift.offers, 'recheck', 'abort']);
            // A second comparison asks the same question, and changes nothing either.
            await questionOf(job, copy);
            assert.deepEqual(snapshot(copy.workspace), before);
          } finally {
            await job.close();
          }
        } finally {
          removeFixture(copy);
        }
      });
    }
  });
}

test('an older ledger raises no term: once the newer one is back nothing differs', async () => {
  const copy = copyOf(fixture);
  const newer = `${copy.workspace}-newer`;
  try {
    const first = resume(copy, 'continue-as-new');
    assert.equal((await first.verify()).kind, 'verified');
    await first.close();
    const record = join(copy.workspace, '.holdfast');
    await person.does(
      { do: 'copy', from: record, to: newer },
      { do: 'remove', path: record },
      { do: 'copy', from: join(lastWeek.workspace, '.holdfast'), to: record },
    );
    const job = resume({ ...copy, memory: first.memory }, 'restart');
    findingFor(await questionOf(job, copy), 'ledger:');
    await person.does({ do: 'remove', path: record }, { do: 'copy', from: newer, to: record });
    const verified = await job.verify();
    assert.equal(verified.kind, 'verified', JSON.stringify(verified).slice(0, 1_000));
    await job.close();
  } finally {
    rmSync(newer, { recursive: true, force: true });
    removeFixture(copy);
  }
});

test('twenty resumes of an unchanged world raise no false alarm', async () => {
  const copy = copyOf(fixture);
  try {
    const before = snapshot(copy.workspace);
    let { memory } = copy;
    for (let resumed = 0; resumed < 20; resumed++) {
      const trigger = TRIGGERS[resumed % TRIGGERS.length]!;
      if (trigger === 'long wait') waitLong(copy.workspace);
      // A reset to the end of the last step makes the Workflow forget nothing.
      const job =
        trigger === 'reset'
          ? resume({ ...copy, memory, earlier: memory }, trigger, { runId: `Run ${resumed}` })
          : resume({ ...copy, memory }, trigger);
      const verified = await job.verify();
      assert.equal(
        verified.kind,
        'verified',
        `resume ${resumed} by ${trigger}: ${JSON.stringify(verified).slice(0, 1_000)}`,
      );
      await job.close();
      memory = job.memory;
    }
    assert.deepEqual(snapshot(copy.workspace), before);
    const job = resume({ ...copy, memory }, 'restart');
    await job.step(mark, {}, { stepId: 'mark' });
    await job.close();
  } finally {
    removeFixture(copy);
  }
});
