/** A plan of the broken steps, and what a crash test must say of each. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { CrashReport, CrashTestOptions, Difference } from '../../src/testing.ts';

const FILE = path.join(import.meta.dirname, '../fixtures/crash-test/broken-steps.ts');
const LINES = readFileSync(FILE, 'utf8').split('\n');

interface Broken {
  readonly use: string;
  readonly with?: Readonly<Record<string, string>>;
  /** Where it shows. */
  readonly point: string;
  readonly kind: Difference['kind'];
  readonly what: RegExp;
  readonly times?: Difference['times'];
  /** Part of the line that is named. */
  readonly line: string;
  readonly advice: RegExp;
}

const TWICE = { expected: 1, found: 2 };

export const BROKEN: Readonly<Record<string, Broken>> = {
  'book-row': {
    use: 'book-row',
    with: { folder: '${{ input.folder }}' },
    point: 'user-code.after',
    kind: 'effect',
    what: /^sql INSERT INTO booking/,
    times: TWICE,
    line: "run('one night')",
    advice: /ctx\.db/,
  },
  'stamped-name': {
    use: 'stamped-name',
    point: 'user-code.after',
    kind: 'unsteady',
    what: /^file named anew by each attempt$/,
    line: 'process.hrtime.bigint()',
    advice: /ctx\.once/,
  },
  journal: {
    use: 'journal',
    with: { folder: '${{ input.folder }}' },
    point: 'user-code.after',
    kind: 'effect',
    what: /^appendFile \{folder\}\/journal\.txt$/,
    times: TWICE,
    line: "appendFile(path.join(folder, 'journal.txt')",
    advice: /ctx\.files/,
  },
  'charge-again': {
    use: 'charge-again',
    point: 'request.answer-lost',
    kind: 'request',
    what: /^POST http:\/\/pay\.example\/charge$/,
    times: TWICE,
    line: "await (await fetch(CHARGE_URL, { method: 'POST'",
    advice: /answer was lost/,
  },
  'plain-fetch': {
    use: 'plain-fetch',
    point: 'user-code.after',
    kind: 'request',
    what: /^POST http:\/\/pay\.example\/charge$/,
    times: TWICE,
    line: "    await fetch(CHARGE_URL, { method: 'POST'",
    advice: /ctx\.http/,
  },
  first: { ...numbered('one.txt'), point: 'never' },
  second: { ...numbered('two.txt'), point: 'user-code.after' },
};

function numbered(file: string): Broken {
  return {
    use: 'next-number',
    with: { file },
    point: '',
    kind: 'file',
    what: new RegExp(`^file:workspace/${file}$`),
    line: 'ctx.files.write(file, `invoice',
    advice: /variables of a module/,
  };
}

/** @param ids in this order, with the sound one at the end */
export function brokenTest(ids: readonly string[]): CrashTestOptions {
  const all = [...ids, 'sound'];
  const steps = all.map((id, index) => ({
    id,
    use: BROKEN[id]?.use ?? id,
    with: BROKEN[id]?.with ?? {},
    needs: index === 0 ? [] : [all[index - 1]!],
  }));
  const points = ids.map((id) => `${id}/${BROKEN[id]!.point}`).filter((point) => !point.endsWith('/never'));
  return {
    plan: {
      schemaVersion: 1,
      name: 'broken',
      workspace: 'broken',
      input: { type: 'object', properties: { folder: { type: 'string' } }, required: ['folder'] },
      steps,
    },
    input: { folder: '{folder}' },
    steps: [FILE],
    http: [{ method: 'POST', url: 'http://pay.example/charge', body: { ok: true } }],
    points: [...points, 'sound/user-code.after:1'],
    seed: 1,
  };
}

/** What is wrong with what the report says of these; empty: nothing. */
export function notNamed(report: CrashReport, ids: readonly string[]): readonly string[] {
  return ids.flatMap((id) => {
    const { point, kind, what, times, line, advice } = BROKEN[id]!;
    if (point === 'never') return [];
    const found = report.faults.find(({ difference }) => difference.step === id && difference.kind === kind);
    if (found === undefined) return [`${id}: not found among ${JSON.stringify(report.faults)}`];
    const { difference, cases } = found;
    const named = Number(/broken-steps\.ts:(\d+)$/.exec(difference.at ?? '')?.[1] ?? 0);
    return [
      ...(what.test(difference.what) ? [] : [`${id}: it is called ${difference.what}`]),
      ...(JSON.stringify(times) === JSON.stringify(difference.times) ? [] : [`${id}: ${JSON.stringify(difference)}`]),
      ...(LINES[named - 1]?.includes(line) === true ? [] : [`${id}: at ${difference.at}, not where ${line} stands`]),
      ...(advice.test(difference.advice) ? [] : [`${id}: ${difference.advice}`]),
      ...(cases.some((one) => one.startsWith(`${id}/${point}`)) ? [] : [`${id}: in ${cases.join(', ')}`]),
    ];
  });
}
