/** The comparison by kills: its page tells what its data say, and its peers' jobs are there and can be read. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { INNGEST_SERVER_VERSION } from '../../bench/peers/inngest-server.ts';
import { PEERS } from '../../bench/peers/kills/peers.ts';
import { dataOf, intoPage } from '../../bench/peers/kills/report.ts';
import { keepsItsWord } from '../../bench/peers/kills/word.ts';

const root = path.join(import.meta.dirname, '../..');
const folder = path.join(root, 'bench/peers');
const page = readFileSync(path.join(root, 'docs/comparison.md'), 'utf8');

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
}
interface Lockfile {
  readonly packages: Readonly<Record<string, Partial<Manifest> & { readonly resolved?: string }>>;
}
const read = (file: string): unknown => JSON.parse(readFileSync(path.join(folder, file), 'utf8'));

test("the comparison's page has data that fit the schema, and the table that they make", () => {
  assert.equal(intoPage(page, dataOf(page)), page);
});

test('data that the schema does not know are refused', () => {
  const { peers, ...others } = dataOf(page);
  const known = JSON.stringify({ ...others, peers }, null, 1);
  const unknown = JSON.stringify({ ...others, peers, wished: true }, null, 1);
  const broken = page.replace(known, unknown);
  assert.notEqual(broken, page);
  assert.throws(() => dataOf(broken), /wished/);
});

test('every peer has its row, by the pinned versions of its packages', () => {
  const { peers } = dataOf(page);
  assert.deepEqual(
    peers.map(({ name }) => name),
    PEERS.map(({ name }) => name),
  );
  for (const [index, { name, packages }] of PEERS.entries()) {
    const row = peers[index]!;
    if (packages === undefined || 'notRun' in row) continue;
    const { dependencies } = read(`${packages}/package.json`) as Manifest;
    const known: Readonly<Record<string, string>> = { ...dependencies, 'inngest server': INNGEST_SERVER_VERSION };
    const pinned = Object.keys(row.versions).map((each) => [each, known[each]]);
    assert.deepEqual(row.versions, Object.fromEntries(pinned), name);
  }
});

test('on the page Holdfast has had each effect once, and noticed each change before it went on', () => {
  assert.ok(keepsItsWord(dataOf(page)));
});

test('one effect too many, or one change unnoticed, is not kept word', () => {
  const data = structuredClone(dataOf(page));
  const [ours] = data.peers;
  assert.ok(ours !== undefined && !('notRun' in ours));
  ours.kills[0]!.notOnce.push({ effect: 'line in a file', step: 3, times: 2 });
  assert.ok(!keepsItsWord(data));
  ours.kills[0]!.notOnce.pop();
  assert.ok(keepsItsWord(data));
  ours.added.noticed = 'no';
  assert.ok(!keepsItsWord(data));
});

test("the peers' jobs are there, can be read, and die where their rows say", () => {
  const shared = readFileSync(path.join(folder, 'kills/work.ts'), 'utf8');
  for (const { name, module, preparation, kills } of PEERS) {
    if (preparation !== undefined) assert.ok(existsSync(path.join(folder, preparation)), name);
    if (module === undefined) continue;
    const code = readFileSync(path.join(folder, module), 'utf8') + shared;
    for (const { name: kill } of kills) assert.ok(code.includes(`dieHere('${kill}', `), `${name}: ${kill}`);
  }
  // The others are TypeScript, and type-checked.
  for (const file of globSync('*/{peer,contender}.mjs', { cwd: folder }))
    execFileSync(process.execPath, ['--check', path.join(folder, file)], { stdio: 'pipe' });
});

test("the peers' lockfiles are of their package.json, exact, and name no registry", () => {
  for (const file of globSync('*/package.json', { cwd: folder })) {
    const { dependencies } = read(file) as Manifest;
    const { packages } = read(file.replace('package.json', 'package-lock.json')) as Lockfile;
    assert.deepEqual(packages['']?.dependencies, dependencies, file);
    for (const version of Object.values(dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/, file);
    for (const [place, { resolved }] of Object.entries(packages)) assert.equal(resolved, undefined, place);
  }
});
