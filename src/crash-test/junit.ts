/** A crash test's report as JUnit's XML, which CI systems read. Pure. */
import type { CaseReport, CrashReport } from './report.ts';

/** A test case for each case. `asks` counts as skipped: nobody has seen how it goes on. */
export function junitOf({ name, counts, cases, durationMs, seed }: CrashReport): string {
  const failures = counts.differs + counts.stuck;
  const attributes =
    `name="${escaped(`crash-test ${name}`)}" tests="${counts.cases}" failures="${failures}" errors="0" ` +
    `skipped="${counts.asks}" time="${seconds(durationMs)}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite ${attributes}>`,
    `    <properties><property name="seed" value="${seed}"/></properties>`,
    ...cases.map((one) => testCase(name, one)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase(name: string, one: CaseReport): string {
  const head =
    `    <testcase classname="${escaped(`${name}.${one.step}`)}" name="${escaped(one.id)}" ` +
    `time="${seconds(one.durationMs)}"`;
  if (one.outcome === 'same') return `${head}/>`;
  const told = one.differences.map(
    ({ what, expected, found, at, advice }) =>
      `${what}${at === undefined ? '' : ` (${at})`}: expected ${expected}, found ${found}. ${advice}`,
  );
  const text = escaped([...told, ...(one.text === undefined ? [] : [one.text])].join('\n'));
  const title = escaped(one.differences[0]?.what ?? one.outcome);
  const within =
    one.outcome === 'asks'
      ? `<skipped message="${text}"/>`
      : `<failure type="${one.outcome}" message="${title}">${text}</failure>`;
  return `${head}>${within}</testcase>`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** XML 1.0 has no form for control characters. */
function escaped(text: string): string {
  const named: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // oxlint-disable-next-line no-control-regex -- they are what must go
  return text.replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/g, '�').replaceAll(/[&<>"]/g, (one) => named[one]!);
}
