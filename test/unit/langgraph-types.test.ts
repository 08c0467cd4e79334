/** Every type of a state is kept as it is, or refused with its path. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Document } from '@langchain/core/documents';
import { AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { Command, Overwrite, Send } from '@langchain/langgraph';
import { DeltaSnapshot, MemorySaver } from '@langchain/langgraph-checkpoint';
import { HoldfastError, TypeKeepingSerializer } from '../../src/langgraph.ts';

const serializer = new TypeKeepingSerializer(new MemorySaver().serde);

async function again(value: unknown): Promise<unknown> {
  const [type, bytes] = await serializer.dumpsTyped(value);
  return serializer.loadsTyped(type, bytes);
}

class Money {
  readonly amount = 3;
}
class MyError extends Error {}
class MyMap extends Map {}

const bare = Object.assign(Object.create(null) as object, { a: new Date(5) });
const withProto = JSON.parse('{"__proto__":{"x":1},"y":2}') as object;
const KEPT: Readonly<Record<string, unknown>> = {
  text: 'ä\ud800 "$holdfast":',
  date: new Date('2026-11-28T12:00:00.123Z'),
  'no date': new Date(Number.NaN),
  map: new Map<unknown, unknown>([
    ['a', new Date(0)],
    [{ key: 1 }, new Set([1n, undefined])],
  ]),
  set: new Set(['a', new Map([[1, Number.NaN]])]),
  undefined,
  'undefined in an object': { a: undefined, b: [undefined, 1] },
  bytes: new Uint8Array([0, 1, 255]),
  buffer: Buffer.from('abc'),
  floats: new Float64Array([1.5, Number.NaN, -0]),
  'big integers': new BigInt64Array([-5n]),
  'array buffer': new Uint8Array([1, 2]).buffer,
  bigint: 2n ** 70n,
  numbers: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e300],
  pattern: /a+/giu,
  url: new URL('https://example.org/?q=1'),
  error: Object.assign(new TypeError('wrong', { cause: new Error('why') }), { code: 'E1' }),
  'without prototype': bare,
  'a key __proto__': withProto,
  'looks like a mark': { $holdfast: 'Date', value: 5 },
  "looks like LangGraph's": [
    { lc: 2, type: 'undefined' },
    { lc: 1, type: 'constructor', id: ['langchain_core', 'messages', 'HumanMessage'], kwargs: { content: 'no' } },
  ],
  snapshot: new DeltaSnapshot([new Date(7)]),
};

for (const [name, value] of Object.entries(KEPT))
  test(`keeps as it was: ${name}`, async () => {
    assert.deepStrictEqual(await again(value), value);
    assert.deepStrictEqual(await again({ in: [value] }), { in: [value] });
  });

test("keeps LangChain's messages, with class and fields", async () => {
  const values = [
    new HumanMessage({ content: 'hello', id: 'm1', name: 'anna', additional_kwargs: { a: [1, { b: null }] } }),
    new SystemMessage('be brief'),
    new AIMessage({
      content: [{ type: 'text', text: 'ok' }],
      id: 'm2',
      tool_calls: [{ name: 'search', args: { q: 'x' }, id: 'c1', type: 'tool_call' }],
      response_metadata: { model: 'm' },
    }),
    new AIMessageChunk({ content: 'chunk' }),
    new ToolMessage({ content: 'found', tool_call_id: 'c1', artifact: { raw: [1] } }),
  ];
  const back = (await again({ messages: values, at: new Date(1) })) as { messages: typeof values; at: Date };
  assert.deepEqual(back.at, new Date(1));
  for (const [index, value] of values.entries()) {
    assert.equal(back.messages[index]!.constructor, value.constructor);
    assert.deepEqual(JSON.parse(JSON.stringify(back.messages[index])), JSON.parse(JSON.stringify(value)));
  }
});

test('keeps instances of the classes that it is given, and reads them only with them', async () => {
  const langChain = new MemorySaver().serde;
  const given = new TypeKeepingSerializer(langChain, { Document, Money });
  const value = [
    new Money(),
    new Document({ pageContent: 'page', metadata: { at: new Date(1), 'a b': undefined }, id: 'd1' }),
  ];
  const [type, bytes] = await given.dumpsTyped(value);
  assert.deepStrictEqual(await given.loadsTyped(type, bytes), value);
  await assert.rejects(
    serializer.loadsTyped(type, bytes),
    /an instance of the class "Money", which the saver wasn't given/,
  );
});

test("gives LangGraph's own marks back in the form that LangGraph reads", async () => {
  assert.deepEqual(await again(new Send('node', { at: new Date(3) })), { node: 'node', args: { at: new Date(3) } });
  assert.deepEqual(await again(new Overwrite([1])), { __overwrite__: [1] });
  assert.deepEqual(
    ((await again(new Command({ goto: 'next', update: { a: 1 } }))) as { lg_name: string }).lg_name,
    'Command',
  );
});

const cycle: Record<string, unknown> = { a: 1 };
cycle['self'] = cycle;
const extraArray = Object.assign([1], { name: 'x' });
const REFUSED: Readonly<Record<string, readonly [unknown, string, RegExp]>> = {
  'a class of one’s own': [{ price: [new Money()] }, 'the value.price[0]', /an instance of Money/],
  'a subclass of Error': [{ e: new MyError('x') }, 'the value.e', /an instance of MyError/],
  'a subclass of Map': [new MyMap(), 'the value', /an instance of MyMap/],
  'a date with a property': [Object.assign(new Date(0), { zone: 'UTC' }), 'the value', /a property of its own, "zone"/],
  'a function': [{ 'my key': () => 1 }, 'the value["my key"]', /a function/],
  'a symbol': [[Symbol('x')], 'the value[0]', /a symbol/],
  'a symbol key': [{ [Symbol('x')]: 1 }, 'the value', /named by a symbol/],
  'a promise': [{ p: Promise.resolve(1) }, 'the value.p', /an instance of Promise/],
  'a boxed number': [{ n: Object(1) as unknown }, 'the value.n', /an instance of Number/],
  'a hole': [[1, , 2], 'the value', /holes/], // oxlint-disable-line no-sparse-arrays
  'a named property of an array': [extraArray, 'the value', /properties that have names/],
  'a cycle': [cycle, 'the value.self', /holds itself/],
  'a date in a message': [
    [new HumanMessage({ content: 'x', additional_kwargs: { at: new Date(0) } })],
    'the value[0].additional_kwargs.at',
    /an instance of Date within something of LangChain/,
  ],
  'a bigint in a message': [
    new HumanMessage({ content: 'x', response_metadata: { n: 1n } }),
    'the value.response_metadata.n',
    /a bigint within/,
  ],
};

for (const [name, [value, path, found]] of Object.entries(REFUSED))
  test(`refuses with the path: ${name}`, async () => {
    await assert.rejects(serializer.dumpsTyped(value), (error) => {
      assert.ok(error instanceof HoldfastError && error.type === 'not-json', String(error));
      assert.equal(error.details['path'], path);
      assert.match(error.message, found);
      return true;
    });
  });

test('refuses a class of LangChain’s that would not be read back', async () => {
  class MyMessage extends HumanMessage {}
  await assert.rejects(
    serializer.dumpsTyped({ m: new MyMessage('x') }),
    /the value\.m is an instance of MyMessage, a class that LangChain doesn't read back/,
  );
});

test('a value that is changed after it was given is stored as it was', async () => {
  const value = { list: [1] };
  const dumping = serializer.dumpsTyped(value);
  value.list.push(2);
  const [type, bytes] = await dumping;
  assert.deepEqual(await serializer.loadsTyped(type, bytes), { list: [1] });
});

test('what another serializer wrote is not guessed at', async () => {
  await assert.rejects(serializer.loadsTyped('msgpack', Buffer.from('x')), /written by another serializer/);
});
