/**
 * LangGraph's own suite for checkpoint savers, which is written for vitest: over each store of ours, as one part of
 * `npm test`.
 *
 * Invariant: a case that didn't run is one that failed: the suite has to be whole.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as z from 'zod';

/** Of the suite that is installed: those of `validate`, and those of delta channels. */
const CASES = 718 + 8;
const SUITES = 'test/langgraph';
const SUITE_LIMIT_MS = 120_000;

const ReportSchema = z.object({
  numPassedTests: z.int(),
  testResults: z.array(
    z.object({
      message: z.string(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});
type Report = z.infer<typeof ReportSchema>;

/** How many cases passed, and what is wrong with the others. */
export interface SuiteResult {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
}

/** Runs to its end, or until the signal. Needs the PostgreSQL server of the test run. */
export async function runLangGraphSuite(signal: AbortSignal): Promise<SuiteResult> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-suite-'));
  try {
    const file = path.join(folder, 'report.json');
    const output = await runVitest(file, signal);
    const text = await fs.readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return { passed: 0, failed: 1, failures: [`the suite did not run:\n${output}`] };
    const stores = (await fs.readdir(SUITES)).filter((name) => name.endsWith('.suite.ts')).length;
    return resultOf(ReportSchema.parse(JSON.parse(text)), CASES * stores);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/** Returns what it printed. */
async function runVitest(report: string, signal: AbortSignal): Promise<string> {
  const args = ['run', '--config', `${SUITES}/vitest.config.ts`, '--reporter=json', `--outputFile=${report}`];
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', ...args], {
    signal: AbortSignal.any([signal, AbortSignal.timeout(SUITE_LIMIT_MS)]),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // It is killed by the signal, and says so in an error of its own.
  child.on('error', (error) => (output += String(error)));
  await once(child, 'close');
  return output;
}

function resultOf({ numPassedTests: passed, testResults }: Report, expected: number): SuiteResult {
  const failures = testResults.flatMap(({ message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status !== 'passed');
    if (failed.length === 0 && assertionResults.length === 0) return [`the suite did not run: ${message}`];
    return failed.map(({ fullName, status, failureMessages }) => `${fullName}: ${failureMessages?.[0] ?? status}`);
  });
  if (failures.length === 0 && passed !== expected) failures.push(`${passed} cases ran. Expected ${expected}.`);
  return { passed, failed: failures.length, failures };
}
