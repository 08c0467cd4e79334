/** Temporal's own command line, as an operator types it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findTemporal } from '../../src/dev-server/find.ts';
import type { TestTemporal } from './temporal.ts';

const run = promisify(execFile);

/** What the command printed. */
export type TemporalCommand = (...args: readonly string[]) => Promise<string>;

/** Against the file's server and namespace. */
export async function temporalCommand({ address, namespace }: TestTemporal): Promise<TemporalCommand> {
  const found = await findTemporal({ address: false });
  if (found.kind !== 'executable') throw new Error('There is no `temporal` program on this machine.');
  return async (...args) => {
    const { stdout } = await run(found.path, [...args, '--address', address, '--namespace', namespace], {
      env: { ...process.env, TEMPORAL_ADDRESS: undefined },
    });
    return stdout;
  };
}
