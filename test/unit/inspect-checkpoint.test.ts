/** `holdfast checkpoints --inspect`: what it says of a file, sound or not, and that it changes nothing. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { InspectedFile } from '../../src/cli/inspect-checkpoint.ts';
import { cli } from '../support/cli-terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-inspect-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const SOUND = readFileSync(join(import.meta.dirname, '../fixtures/sealed/checkpoint-1-none.sealed'));

async function inspected(name: string, bytes: Buffer): Promise<{ text: string; code: number; data: InspectedFile }> {
  writeFileSync(join(folder, name), bytes);
  const ran = await cli(['checkpoints', '--inspect', name], { cwd: folder });
  assert.equal(ran.err, '');
  const data = (await cli(['checkpoints', '--inspect', name, '--json'], { cwd: folder })).json<InspectedFile>();
  assert.ok(readFileSync(join(folder, name)).equals(bytes), 'it was changed');
  assert.equal(data.isSound, ran.code === 0);
  return { text: ran.out, code: ran.code, data };
}

test('a sound file is told with what it is, and what can not be told', async () => {
  const { text, code, data } = await inspected('sound.sealed', SOUND);
  assert.equal(code, 0);
  assert.match(text, /sound\.sealed: sound, all 3364 bytes of it\./);
  assert.match(text, /a sealed checkpoint of version 1, written by "worker 1"/);
  assert.match(text, /they are no signature/);
  assert.deepEqual([data.soundBytes, data.damaged], [3364, []]);
});

test('of a damaged file it is said up to where it is sound, and where the damage begins', async () => {
  const flipped = Buffer.from(SOUND);
  flipped[700]! ^= 1;
  flipped[1300]! ^= 1;
  const { text, code, data } = await inspected('flipped.sealed', flipped);
  assert.equal(code, 1);
  assert.match(text, /not sound \(altered\)\. Sound up to byte 660 of 3364; the damage begins at byte 700\./);
  assert.match(text, /block 2: expected the bytes of its checksum, found another byte 700/);
  assert.match(text, /not sound\s+bytes 660 to 1179, bytes 1180 to 1699; the rest is sound/);
  assert.deepEqual(
    data.damaged.map(({ from }) => from),
    [660, 1180],
  );
  const cut = await inspected('cut.sealed', SOUND.subarray(0, 800));
  assert.match(cut.text, /not sound \(cut short\)\. Sound up to byte 660 of 800; the damage begins at byte 800\./);
  assert.match(cut.text, /length\s+800 bytes; it should have 3364/);
  assert.match((await inspected('empty', Buffer.alloc(0))).text, /cut short.*the damage begins at byte 0/);
});

test('a file that is no checkpoint is told as such, and one of a newer version by it', async () => {
  assert.match((await inspected('notes.txt', Buffer.from('# Notes\n'))).text, /notes\.txt: no checkpoint\./);
  const newer = readFileSync(join(import.meta.dirname, '../fixtures/sealed/checkpoint-1-none.sealed'), 'latin1');
  const { text } = await inspected(
    'b\u001b[31m',
    Buffer.from(newer.replace('"schemaVersion":1', '"schemaVersion":2'), 'latin1'),
  );
  // Its first line's checksum is that of version 1: it is damaged, and not newer.
  assert.match(text, /not sound \(altered\)/);
  assert.ok(!text.includes('\u001b'));
});

test('what is no file that can be read is refused with what to do', async () => {
  const cases: readonly [readonly string[], RegExp][] = [
    [[], /Whose checkpoints\? Expected a workspace or a job, or --inspect FILE/],
    [['x', '--inspect', 'nowhere'], /--inspect looks at a file alone: which of the two\?/],
    [['--inspect', 'nowhere'], /There is no file ".*nowhere"/],
    [['--inspect', '.'], /is no file\. Expected the file of a checkpoint/],
    [['--inspect', 'huge'], /has 300000000 bytes: no checkpoint is so large/],
  ];
  mkdirSync(join(folder, 'x'));
  writeFileSync(join(folder, 'huge'), '');
  truncateSync(join(folder, 'huge'), 300_000_000);
  for (const [args, message] of cases) {
    const ran = await cli(['checkpoints', ...args], { cwd: folder });
    assert.equal(ran.code, 2);
    assert.match(ran.err, message);
    assert.match(ran.err, /\nNext: /);
  }
});

test('doctor reads back a store: all is as it was written, or what is not is named; nothing is made', async () => {
  const store = join(folder, 'store');
  const doctor = async (location: string): Promise<{ state: string; detail: string }> => {
    const ran = await cli(['doctor', '--store', location, '--json'], {
      cwd: folder,
      env: { TEMPORAL_ADDRESS: '127.0.0.1:1' },
    });
    const { checks } = ran.json<{ checks: { name: string; state: string; detail: string }[] }>();
    return checks.find(({ name }) => name === 'store')!;
  };
  assert.match((await doctor('./store')).detail, /There is no folder ".*store"/);
  assert.ok(!existsSync(store));
  mkdirSync(join(store, 'job'), { recursive: true });
  writeFileSync(join(store, 'job/0000000001.sealed'), SOUND);
  const sound = await doctor('./store');
  assert.deepEqual([sound.state, /1 checkpoint of 1 job, 0 contents read/.test(sound.detail)], ['ok', true]);
  writeFileSync(join(store, 'job/0000000002.sealed'), SOUND.subarray(1));
  const damaged = await doctor('./store');
  assert.equal(damaged.state, 'problem');
  assert.match(damaged.detail, /checkpoint 2 of "job" \(.*0000000002\.sealed\) is damaged/);
});
