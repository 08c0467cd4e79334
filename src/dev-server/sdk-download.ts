/** Downloads the program as the Temporal SDK does. */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import type { ProgramSource } from './cache.ts';
import { runProgram } from './run-program.ts';

const PROBE_LIMIT_MS = 3_000;
const DOWNLOAD_LIMIT_MS = 5 * 60_000;
const DOWNLOAD_SITE = 'https://temporal.download/';

/**
 * The SDK's download can't be cancelled, so it runs in a process that can; a short request first tells a machine
 * without the network.
 */
export const downloadBySdk: ProgramSource = async (draftFolder, env, onProgress) => {
  if (!(await isReachable())) {
    const limit = `${PROBE_LIMIT_MS / 1000} s`;
    return { problem: `temporal.download did not answer within ${limit}` };
  }
  onProgress('Temporal server: downloading it as the Temporal SDK does …');
  const problem = await runProgram(process.execPath, ['--input-type=module', '--eval', scriptFor(draftFolder)], {
    limitMs: DOWNLOAD_LIMIT_MS,
    env,
    // Where the SDK's packages are found from.
    cwd: import.meta.dirname,
    onProgress,
  });
  if (problem !== undefined) return { problem };
  const [file] = await fs.readdir(draftFolder);
  return file === undefined ? { problem: 'it left no file' } : { file: path.join(draftFolder, file) };
};

async function isReachable(): Promise<boolean> {
  return await fetch(DOWNLOAD_SITE, { method: 'HEAD', signal: AbortSignal.timeout(PROBE_LIMIT_MS) }).then(
    () => true,
    () => false,
  );
}

function scriptFor(downloadDir: string): string {
  return `
    const { TestWorkflowEnvironment } = await import('@temporalio/testing');
    const server = { executable: { type: 'cached-download', downloadDir: ${JSON.stringify(downloadDir)} } };
    await (await TestWorkflowEnvironment.createLocal({ server })).teardown();`;
}
