import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { KEY_FILE_VARIABLE, KEYS_VARIABLE, newKeyLine, parseKeys, readKeys } from '../../src/codec/keys.ts';
import { HoldfastError } from '../../src/model/failure.ts';
import { cli } from '../support/cli-terminal.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-keys '")));
after(() => rmSync(folder, { recursive: true, force: true }));

const KEY = Buffer.alloc(32, 7).toString('base64');
const OTHER_KEY = Buffer.alloc(32, 9).toString('base64');

function keyFile(name: string, text: string, mode = 0o600): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

function refusal(what: () => unknown): HoldfastError {
  try {
    what();
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    assert.equal(error.type, 'bad-input');
    return error;
  }
  return assert.fail('it was taken');
}

test('without a setting there is no key: encryption is off', () => {
  const keys = readKeys({ env: {} });
  assert.deepEqual([keys.isOn, keys.first, keys.ids], [false, undefined, []]);
});

test('lines, comments, empty lines and commas: the first encrypts, all decrypt', () => {
  const older = Buffer.alloc(32, 1).toString('base64');
  const lines = `# of this year, and\n\n  new:${KEY}  # in use, since May\r\nold:${OTHER_KEY},older : ${older}`;
  const keys = readKeys({ env: { [KEYS_VARIABLE]: lines } });
  assert.deepEqual(keys.ids, ['new', 'old', 'older']);
  assert.equal(keys.first?.id, 'new');
  assert.deepEqual(keys.find('old')?.secret.export(), Buffer.alloc(32, 9));
  assert.equal(keys.find('none'), undefined);
});

test('an option is nearer than the environment; a file and keys both in the environment are refused', () => {
  const file = keyFile('near', `near:${KEY}`);
  assert.deepEqual(readKeys({ encryptionKeyFile: file, env: { [KEYS_VARIABLE]: `far:${KEY}` } }).ids, ['near']);
  assert.deepEqual(readKeys({ env: { [KEY_FILE_VARIABLE]: file } }).ids, ['near']);
  assert.match(
    refusal(() => readKeys({ env: { [KEY_FILE_VARIABLE]: file, [KEYS_VARIABLE]: `far:${KEY}` } })).message,
    /are both set/,
  );
});

const BAD: readonly (readonly [string, string, RegExp])[] = [
  ['an empty setting', '', /HOLDFAST_ENCRYPTION_KEYS is set and holds no key/],
  ['only comments', '# later\n', /holds no key/],
  ['a short key', `a:${Buffer.alloc(16).toString('base64')}`, /line 1: the key has 16 bytes\. Expected 32/],
  ['a long key', `a:${Buffer.alloc(33).toString('base64')}`, /line 1: the key has 33 bytes/],
  ['a key that is not base64', `# c\na:${'!'.repeat(44)}`, /line 2: what stands after the colon is not base64/],
  ['a key without its padding', `a:${KEY.replace('=', '')}`, /is not base64/],
  ['a key in hex', `a:${'ab'.repeat(32)}`, /has 48 bytes/],
  ['a line without an id', KEY, /line 1: there is no colon/],
  ['an id with a space', `my key:${KEY}`, /can't be the id of a key/],
  ['a key in place of the id', `${KEY}:a`, /can't be the id of a key/],
  ['an id twice', `a:${KEY}\na:${OTHER_KEY}`, /two keys have the id "a", in line 1 and line 2/],
  [
    'too many keys',
    Array.from({ length: 101 }, (_, index) => `k${index}:${KEY}`).join('\n'),
    /holds 101 keys\. Expected at most 100/,
  ],
];

for (const [what, text, message] of BAD) {
  test(`keys are refused, and not shown: ${what}`, () => {
    const error = refusal(() => readKeys({ env: { [KEYS_VARIABLE]: text } }));
    assert.match(error.message, message);
    const said = inspect(error, { depth: 9 });
    for (const secret of [KEY, OTHER_KEY, KEY.replace('=', ''), '!!!!', 'abab'])
      assert.ok(!said.includes(secret), said);
    assert.equal(typeof error.details['nextStep'], 'string');
  });
}

test('a key file that others may read is refused with the command to type', () => {
  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o610]) {
    const file = keyFile('readable', `a:${KEY}`, mode);
    const error = refusal(() => readKeys({ encryptionKeyFile: file }));
    assert.match(error.message, new RegExp(`mode 0${mode.toString(8)}`));
    assert.equal(error.nextStep, `chmod 600 '${file.replaceAll("'", String.raw`'\''`)}'`);
  }
  for (const mode of [0o600, 0o400])
    assert.equal(readKeys({ encryptionKeyFile: keyFile('own', `a:${KEY}`, mode) }).isOn, true);
});

test('a key file that is not there, is a folder, is too large or is named by nothing is refused by name', () => {
  assert.match(
    refusal(() => readKeys({ encryptionKeyFile: join(folder, 'none') })).message,
    /There is no key file .*none, which --encryption-key-file names/,
  );
  assert.match(
    refusal(() => readKeys({ env: { [KEY_FILE_VARIABLE]: join(folder, 'none') } })).message,
    /which HOLDFAST_ENCRYPTION_KEY_FILE names/,
  );
  assert.match(refusal(() => readKeys({ env: { [KEY_FILE_VARIABLE]: '' } })).message, /is set and names no file/);
  mkdirSync(join(folder, 'folder'), { mode: 0o700 });
  assert.match(refusal(() => readKeys({ encryptionKeyFile: join(folder, 'folder') })).message, /is not a file/);
  assert.match(
    refusal(() => readKeys({ encryptionKeyFile: keyFile('large', '#'.repeat(70_000)) })).message,
    /has 70000 bytes/,
  );
});

test('keys do not show themselves', () => {
  const keys = readKeys({ env: { [KEYS_VARIABLE]: `a:${KEY}` } });
  const said =
    `${inspect(keys, { depth: 9, showHidden: true })} ` +
    `${inspect(keys.first, { depth: 9, showHidden: true })} ${JSON.stringify([keys, keys.first])}`;
  assert.ok(!said.includes(KEY) && !said.includes(Buffer.alloc(32, 7).toString('hex')), said);
});

test('holdfast keys new prints a line that is taken, another each time', async () => {
  const first = await cli(['keys', 'new', '--id', 'mine']);
  assert.equal(first.code, 0);
  assert.match(first.out, /^mine:[A-Za-z0-9+/]{43}=\n$/);
  assert.deepEqual(
    parseKeys(first.out, 'test').map(({ id }) => id),
    ['mine'],
  );
  const second = (await cli(['keys', 'new', '--json'])).json<{ id: string; line: string }>();
  assert.match(second.id, /^\d{4}-\d\d-\d\d-[0-9a-f]{4}$/);
  assert.equal(parseKeys(second.line, 'test')[0]?.id, second.id);
  assert.notEqual(newKeyLine('a'), newKeyLine('a'));
  assert.equal((await cli(['keys', 'new', '--id', 'not one'])).code, 2);
  assert.equal((await cli(['keys', 'old'])).code, 2);
});

test('every command that connects refuses bad keys before it connects, and says what to type', async () => {
  const file = keyFile('readable-cli', `a:${KEY}`, 0o644);
  const commands = [
    ['worker'],
    ['list'],
    ['status', 'x'],
    ['question', 'x'],
    ['decide', 'x', 'accept', '--reason', 'y'],
    ['result', 'x'],
    ['cancel', 'x'],
    ['dev'],
    ['codec-server'],
  ];
  for (const command of commands) {
    const ran = await cli([...command, '--encryption-key-file', file, '--json'], {
      env: { TEMPORAL_ADDRESS: '127.0.0.1:1' },
    });
    assert.equal(ran.code, 2, command.join(' '));
    assert.match(ran.json<{ error: { nextStep: string } }>().error.nextStep, /^chmod 600 /, command.join(' '));
  }
  const none = await cli(['codec-server'], { env: {} });
  assert.deepEqual([none.code, none.out], [2, '']);
  assert.match(none.err, /There is no encryption key that the codec endpoint could use/);
});

test('doctor says whether encryption is on, under which key, and what is wrong with the keys', async () => {
  const check = async (env: Record<string, string>): Promise<{ state: string; detail: string }[]> =>
    (await cli(['doctor', '--json'], { cwd: folder, env: { TEMPORAL_ADDRESS: '127.0.0.1:1', ...env } }))
      .json<{ checks: { name: string; state: string; detail: string }[] }>()
      .checks.filter(({ name }) => ['encryption', 'server'].includes(name));
  const [off] = await check({});
  assert.match(off!.detail, /^off: /);
  const [on] = await check({ [KEYS_VARIABLE]: `new:${KEY},old:${OTHER_KEY}` });
  assert.deepEqual(
    [on!.state, on!.detail],
    ['ok', 'on, under the key new; only decrypting: old (from HOLDFAST_ENCRYPTION_KEYS)'],
  );
  const [wrong, server] = await check({ [KEYS_VARIABLE]: 'new:short' });
  assert.deepEqual([wrong!.state, server!.state], ['problem', 'not-checked']);
});
