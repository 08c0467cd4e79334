/** What a watched command prints. One that isn't there, fails or takes too long has told nothing. */
import { randomUUID } from 'node:crypto';
import { decodedBytes } from '../../effects/odd-bytes.ts';
import { DEFAULT_PATH } from '../../effects/processes/find-program.ts';
import { runProcess } from '../../effects/processes/run.ts';
import { digestOf } from '../../model/digest.ts';
import { isFailure } from '../../model/failure.ts';
import type { Sighting } from '../../model/record/world.ts';
import type { LookPlace } from './request.ts';
import { seen, unseen } from './sighting.ts';

/** A watched command says what version something is: soon, and briefly. */
const TIMEOUT_MS = 10_000;
const MAX_BYTES = 64 * 1024;
const MAX_SUMMARY_CHARACTERS = 300;
const MAX_ERROR_CHARACTERS = 200;

export async function lookAtCommand(
  place: Pick<LookPlace, 'workspace' | 'host'>,
  argv: readonly string[],
): Promise<Sighting> {
  try {
    const end = await run(place, argv);
    if (end.killed !== undefined) return unreadable(argv, `was killed: ${killText(end.killed)}`);
    if (end.exitCode !== 0) return unreadable(argv, `ended with ${exitText(end)}`);
    const { text: stdout, oddBytes } = decodedBytes(end.stdout.bytes());
    return seen({
      kind: 'value',
      value: digestOf({ stdout, ...(oddBytes === 0 ? {} : { oddBytes }) }),
      summary: stdout.trim().slice(0, MAX_SUMMARY_CHARACTERS),
    });
  } catch (error) {
    return isFailure(error) ? { outcome: 'unreadable', reason: error.message } : unseen(error);
  }
}

type ProcessEnd = Awaited<ReturnType<typeof runProcess>>;

async function run(
  { workspace, host }: Pick<LookPlace, 'workspace' | 'host'>,
  argv: readonly string[],
): Promise<ProcessEnd> {
  return await runProcess({
    argv,
    cwd: workspace.root,
    env: { PATH: host.env['PATH'] ?? DEFAULT_PATH },
    marker: randomUUID(),
    timeoutMs: TIMEOUT_MS,
    killGraceMs: 0,
    maxOutputBytes: MAX_BYTES,
    maxTextBytes: MAX_BYTES,
    maxLogBytes: MAX_BYTES,
    signal: new AbortController().signal,
  });
}

function unreadable(argv: readonly string[], how: string): Sighting {
  return { outcome: 'unreadable', reason: `${argv.join(' ')} ${how}` };
}

function killText(killed: NonNullable<ProcessEnd['killed']>): string {
  return killed === 'timeout' ? `it took longer than ${TIMEOUT_MS} ms` : `it printed more than ${MAX_BYTES} bytes`;
}

function exitText({ exitCode, signal, stderr }: ProcessEnd): string {
  const how = exitCode === null ? String(signal) : `exit code ${exitCode}`;
  return `${how}: ${stderr.text().trim().slice(0, MAX_ERROR_CHARACTERS)}`;
}
