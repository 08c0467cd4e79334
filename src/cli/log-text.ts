/**
 * A log as text: what stands around the records, and all of a chain's records as they are read.
 *
 * Invariants
 * 1. A record is told once its own head has proved it. Where one is not what it was, the telling ends with that.
 * 2. Of a chain that is told as a whole, a batch of records is held at once, besides the sub-steps of a step that is
 *    not read yet.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { counted } from '../model/counted.ts';
import { isFailure } from '../model/failure.ts';
import { shellWord } from '../model/shell-word.ts';
import type { InspectedJob, WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import { EXIT, type Outcome } from './command.ts';
import { logParts, type LogPart } from './log-parts.ts';
import { showRecord } from './show-record.ts';
import { showAlone, showWithin, type HowShown } from './show-sub-steps.ts';
import type { Terminal } from './terminal.ts';

/** Written at once; between, whoever reads may say that it has seen enough. */
const PARTS_AT_ONCE = 100;

export interface LoggedJob {
  readonly inspection: WorkspaceInspection;
  readonly job: InspectedJob;
  /** As the person named the workspace. */
  readonly target: string;
  /** Each sub-step, however many. */
  readonly isFull: boolean;
}

export class LogText {
  readonly #terminal: Terminal;
  readonly #logged: LoggedJob;
  readonly #how: HowShown;

  constructor(terminal: Terminal, logged: LoggedJob) {
    this.#terminal = terminal;
    this.#logged = logged;
    const target = shellWord(logged.target);
    this.#how = {
      full: logged.isFull,
      allCommand: (outerId) => `holdfast log ${target} --step ${shellWord(outerId)}`,
    };
  }

  opening(): readonly string[] {
    const { job, inspection } = this.#logged;
    const named = this.#terminal.style('bold', job.workflowId);
    const hold = job.isBound ? 'has the workspace' : 'has given the workspace back';
    return [`${named} in ${inspection.root}: ${counted(job.records, 'record')}, term ${job.term}, ${hold}`];
  }

  damaged(damage: readonly string[]): readonly string[] {
    const see = `holdfast doctor ${shellWord(this.#logged.target)}`;
    return ['', this.#terminal.style('red', `The record is damaged: ${damage.join('; ')}. See: ${see}`)];
  }

  part({ entry, within }: LogPart): readonly string[] {
    if (entry === undefined) return ['', ...showAlone(this.#terminal, within, this.#how)];
    const below = within === undefined ? [] : showWithin(this.#terminal, within, this.#how);
    return ['', ...showRecord(this.#terminal, entry), ...below];
  }

  closing(): readonly string[] {
    const { job, inspection } = this.#logged;
    const others = inspection.jobs().filter(({ jobId }) => jobId !== job.jobId);
    if (others.length === 0) return [];
    return ['', `Other jobs of this workspace: ${others.map(({ workflowId }) => workflowId).join(', ')} (--job)`];
  }
}

/** Writes every record of the chain, and then what is wrong with the record as a whole, if something is. */
export async function tellAll(terminal: Terminal, logged: LoggedJob): Promise<Outcome> {
  const text = new LogText(terminal, logged);
  const tell = (lines: readonly string[]): void => terminal.out(lines.map((line) => `${line}\n`).join(''));
  tell(text.opening());
  const damage = (await tellRecords(logged, text, tell)) ?? logged.inspection.integrityProblems(logged.job.jobId);
  tell([...(damage.length > 0 ? text.damaged(damage) : []), ...text.closing()]);
  return { code: damage.length > 0 ? EXIT.failed : EXIT.ok, data: undefined, text: '' };
}

/** @returns what was wrong with a record; undefined: each is as it was written */
async function tellRecords(
  { inspection, job }: LoggedJob,
  text: LogText,
  tell: (lines: readonly string[]) => void,
): Promise<readonly string[] | undefined> {
  let lines: string[] = [];
  let parts = 0;
  try {
    for (const part of logParts(inspection.records(job.jobId))) {
      lines.push(...text.part(part));
      parts += 1;
      if (parts % PARTS_AT_ONCE > 0) continue;
      tell(lines);
      lines = [];
      await nextTurn();
    }
    return undefined;
  } catch (error) {
    if (!isFailure(error, 'ledger-damaged')) throw error;
    return [error.message];
  } finally {
    tell(lines);
  }
}
