/**
 * A worker process without privileges, as root can read everything. The process resumes fixtures' jobs and says
 * what each met.
 */
import { fork } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Question } from '../../src/model/question/question.ts';
import { QuestionAsked } from '../../src/testing.ts';
import { mark, resume, type Fixture, type Trigger } from './drift.ts';

/** `nobody` on the usual systems. */
const UNPRIVILEGED = 65_534;

export type Met = { readonly question: Question } | { readonly ran: true } | { readonly error: string };

export interface UnprivilegedWorker {
  /** Resumes the job and asks for the next step. */
  resume(fixture: Fixture, trigger: Trigger): Promise<Met>;
  end(): Promise<void>;
}

/** Starts the process. The caller ends it. */
export function anUnprivilegedWorker(): UnprivilegedWorker {
  const child = fork(fileURLToPath(import.meta.url), ['unprivileged'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = new Promise((resolve) => void child.once('exit', resolve));
  return {
    resume: async (fixture, trigger) =>
      await new Promise<Met>((resolve, reject) => {
        child.once('error', reject);
        child.once('message', (message) => {
          child.off('error', reject);
          resolve(message as Met);
        });
        child.send({ fixture, trigger });
      }),
    async end() {
      child.disconnect();
      await ended;
    },
  };
}

/** Gives a folder and what lies in it to the unprivileged user. Call it before what is to be unreadable is made so. */
export function giveAway(path: string): void {
  if (process.getuid?.() !== 0) return;
  chownSync(path, UNPRIVILEGED, UNPRIVILEGED);
  if (!lstatSync(path).isDirectory()) return;
  chmodSync(path, 0o755);
  for (const name of readdirSync(path)) giveAway(join(path, name));
}

async function goOn({ fixture, trigger }: { readonly fixture: Fixture; readonly trigger: Trigger }): Promise<Met> {
  const job = resume(fixture, trigger);
  try {
    await job.step(mark, {}, { stepId: 'mark' });
    return { ran: true };
  } catch (error) {
    return error instanceof QuestionAsked ? { question: error.question } : { error: String(error) };
  } finally {
    await job.close();
  }
}

if (process.argv[2] === 'unprivileged') {
  // Dropped here and not at the start: the checkout may lie where only root may read.
  if (process.getuid?.() === 0) {
    process.setgroups?.([]);
    process.setgid?.(UNPRIVILEGED);
    process.setuid?.(UNPRIVILEGED);
  }
  process.on(
    'message',
    (message) => void goOn(message as Parameters<typeof goOn>[0]).then((met) => process.send?.(met)),
  );
}
