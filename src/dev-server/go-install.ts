/** Builds the program with Go. */
import path from 'node:path';
import { TEMPORAL_CLI_VERSION, type ProgramSource } from './cache.ts';
import { onPath } from './on-path.ts';
import { runProgram } from './run-program.ts';

const BUILD_LIMIT_MS = 20 * 60_000;

export const buildWithGo: ProgramSource = async (draftFolder, env, onProgress) => {
  const go = onPath('go', env);
  if (go === undefined) return { problem: 'Go is not installed' };
  onProgress(
    `Temporal server: building version ${TEMPORAL_CLI_VERSION} with ${go}, once; about 4 minutes on two cores …`,
  );
  const args = ['install', '-ldflags', '-s -w', `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI_VERSION}`];
  const problem = await runProgram(go, args, {
    limitMs: BUILD_LIMIT_MS,
    env: { ...env, GOBIN: draftFolder, CGO_ENABLED: '0', GOFLAGS: '' },
    onProgress,
  });
  return problem === undefined ? { file: path.join(draftFolder, 'temporal') } : { problem };
};
