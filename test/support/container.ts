/**
 * Processes that see what a container sees: numbers of processes and a host name of their own, the files of all. Where
 * that isn't permitted, tests that need it are skipped by name.
 */
import { spawnSync } from 'node:child_process';

export interface Container {
  readonly host: string;
}

const UNSHARE = ['unshare', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** For the option `skip` of a test. */
export const withoutContainers: string | false =
  spawnSync(UNSHARE[0]!, [...UNSHARE.slice(1), 'true']).status === 0 ? false : 'unshare is not permitted here';

/** A command line that runs another one in a container: it ends with the process that it starts. */
export function inContainer({ host }: Container, line: readonly string[]): readonly string[] {
  return [...UNSHARE, '/bin/sh', '-c', 'hostname "$0" && exec "$@"', host, ...line];
}
