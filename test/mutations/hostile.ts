/** What others have written is taken or refused by name. */
import type { Mutation } from './mutation.ts';

const HOSTILE_TESTS = ['test/unit/hostile.test.ts'];

export const HOSTILE: readonly Mutation[] = [
  {
    guarantee: 'G3',
    breaks: 'a message that is nested deep ends its reader, and a Signal its job',
    file: 'src/model/parsed.ts',
    find: '  if (isTooDeep(value)) return { problems: [`what was sent ${TOO_DEEP}`] };\n',
    replace: '',
    tests: HOSTILE_TESTS,
    name: 'nested deeper',
  },
  {
    guarantee: 'G3',
    breaks: 'a plan that is nested deep ends its reader',
    file: 'src/model/plan/check/check.ts',
    find: "  if (isTooDeep(value)) return { ok: false, problems: [{ path: '', message: `the plan ${TOO_DEEP}` }] };\n",
    replace: '',
    tests: HOSTILE_TESTS,
    name: 'nested deeper',
  },
  {
    guarantee: 'G6',
    breaks: 'a sealed document that is nested deep reaches its schema',
    file: 'src/store/sealed/open.ts',
    find: '    if (isTooDeep(document)) throw new RangeError(`JSON that ${TOO_DEEP}`);\n',
    replace: '',
    tests: HOSTILE_TESTS,
    name: 'nested deeper',
  },
  {
    guarantee: 'G6',
    breaks: 'a column called __proto__ is dropped from its record',
    file: 'src/model/record/world.ts',
    find: '  columns: JsonObjectSchema,',
    replace: '  columns: z.record(z.string(), z.json()) as unknown as typeof JsonObjectSchema,',
    tests: HOSTILE_TESTS,
    name: 'may be called __proto__',
  },
  {
    guarantee: 'G3',
    breaks: 'a message about unknown fields is as long as they are many',
    file: 'src/model/shown-value.ts',
    find: '  return more <= 0 ? problems',
    replace: '  return more <= 1e9 ? problems',
    tests: HOSTILE_TESTS,
    name: 'as long as a book',
  },
  {
    guarantee: 'G3',
    breaks: 'the name of a resource whose key is no JSON ends its reader',
    file: 'src/model/record/resource.ts',
    find: 'const key = text === undefined ? undefined : parsedKey(text);',
    replace: 'const key = text === undefined ? undefined : (JSON.parse(text) as RowKey);',
    tests: HOSTILE_TESTS,
  },
];
