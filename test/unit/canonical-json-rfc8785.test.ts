/** The test vectors that RFC 8785 publishes: appendix B (numbers), sections 3.2.2 and 3.2.3 (a whole text, sorting). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../../src/model/canonical-json.ts';
import { isFailure } from '../../src/model/failure.ts';

/** Bits of an IEEE 754 double → its text. */
const NUMBERS: Readonly<Record<string, string>> = {
  '0000000000000000': '0',
  '0000000000000001': '5e-324',
  '8000000000000001': '-5e-324',
  '7fefffffffffffff': '1.7976931348623157e+308',
  ffefffffffffffff: '-1.7976931348623157e+308',
  '4340000000000000': '9007199254740992',
  c340000000000000: '-9007199254740992',
  '4430000000000000': '295147905179352830000',
  '44b52d02c7e14af5': '9.999999999999997e+22',
  '44b52d02c7e14af6': '1e+23',
  '44b52d02c7e14af7': '1.0000000000000001e+23',
  '444b1ae4d6e2ef4e': '999999999999999700000',
  '444b1ae4d6e2ef4f': '999999999999999900000',
  '444b1ae4d6e2ef50': '1e+21',
  '3eb0c6f7a0b5ed8c': '9.999999999999997e-7',
  '3eb0c6f7a0b5ed8d': '0.000001',
  '41b3de4355555553': '333333333.3333332',
  '41b3de4355555554': '333333333.33333325',
  '41b3de4355555555': '333333333.3333333',
  '41b3de4355555556': '333333333.3333334',
  '41b3de4355555557': '333333333.33333343',
  becbf647612f3696: '-0.0000033333333333333333',
  '43143ff3c1cb0959': '1424953923781206.2',
};

function doubleOf(bits: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
}

test('appendix B: numbers', () => {
  for (const [bits, text] of Object.entries(NUMBERS)) assert.equal(canonicalJson(doubleOf(bits)), text, bits);
});

test('appendix B: NaN and Infinity are refused, as there; -0 is refused, where the RFC writes 0', () => {
  for (const bits of ['7fffffffffffffff', '7ff0000000000000', '8000000000000000'])
    assert.throws(
      () => canonicalJson(doubleOf(bits)),
      (error) => isFailure(error, 'not-json'),
      bits,
    );
});

test('section 3.2.2: a whole text', () => {
  const source = String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`;
  assert.equal(
    canonicalJson(JSON.parse(source)),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  );
});

test('section 3.2.3: keys are sorted by UTF-16 code units', () => {
  const text = canonicalJson({
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  });
  assert.deepEqual(
    Object.keys(JSON.parse(text) as object).filter((key) => key !== '1'),
    ['\r', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33'],
  );
  assert.deepEqual(
    [...text.matchAll(/:"([^"]+)"/g)].map(([, value]) => value),
    [
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ],
  );
});

test('section 3.2.2.2: a lone surrogate is refused, in a string and in a key', () => {
  for (const value of ['\ud800', { '\udead': 1 }])
    assert.throws(
      () => canonicalJson(value),
      (error) => isFailure(error, 'not-json'),
    );
});
