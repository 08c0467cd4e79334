/**
 * A worker process without privileges and with few descriptors, which keeps one job open while a test changes what it
 * may do. Root can read and write everything, so that the process gives its rights up.
 */
import { fork } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { isFailure } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import { openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';

/** `nobody` on the usual systems. */
export const UNPRIVILEGED = 65_534;

interface WorkerOrder {
  readonly workspace: string;
  readonly databases?: Readonly<Record<string, string>>;
}

/** `exhaust` takes every descriptor that is left but for `spare`; `relent` gives them back. */
export type Order =
  | { readonly kind: 'write'; readonly path: string; readonly content?: string }
  | { readonly kind: 'verify' }
  | { readonly kind: 'exhaust'; readonly spare: number }
  | { readonly kind: 'relent' };

export type Answer =
  | { readonly kind: 'done' }
  | { readonly kind: 'asked'; readonly findings: readonly Finding[] }
  | { readonly kind: 'failed'; readonly type: FailureType | 'none'; readonly message: string };

export class EnduringWorker {
  readonly #child;
  readonly #ended: Promise<unknown>;

  /** `descriptors`: how many the process may have open. */
  constructor(order: WorkerOrder, descriptors = 200) {
    const script = fileURLToPath(import.meta.url);
    const shell = `ulimit -n ${descriptors}; exec "$0" "$@"`;
    this.#child = fork(script, ['enduring', JSON.stringify(order)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execPath: '/bin/sh',
      execArgv: ['-c', shell, process.execPath, '--conditions=holdfast-source'],
    });
    this.#ended = new Promise((resolve) => void this.#child.once('exit', resolve));
  }

  async tell(order: Order): Promise<Answer> {
    return await new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('message', (message) => {
        this.#child.off('error', reject);
        resolve(message as Answer);
      });
      this.#child.send(order);
    });
  }

  async end(): Promise<void> {
    this.#child.disconnect();
    await this.#ended;
  }
}

class Servant {
  readonly #job: TestJob;
  readonly #taken: number[] = [];

  constructor(order: WorkerOrder) {
    this.#job = openTestJob(order);
  }

  async obey(order: Order): Promise<Answer> {
    try {
      await this.#act(order);
      return { kind: 'done' };
    } catch (error) {
      if (error instanceof QuestionAsked) return { kind: 'asked', findings: error.question.findings };
      return { kind: 'failed', type: isFailure(error) ? error.type : 'none', message: String(error) };
    }
  }

  async close(): Promise<void> {
    this.#taken.splice(0).forEach(closeSync);
    await this.#job.close();
  }

  async #act(order: Order): Promise<void> {
    switch (order.kind) {
      case 'write': {
        const { path, content = `${path}\n` } = order;
        await this.#job.step(fileWriteStep, { path, content }, { stepId: path });
        return;
      }
      case 'verify': {
        const result = await this.#job.verify();
        if (result.kind === 'question') throw new QuestionAsked(result.question);
        return;
      }
      case 'exhaust':
        this.#exhaust(order.spare);
        return;
      case 'relent':
        this.#taken.splice(0).forEach(closeSync);
    }
  }

  #exhaust(spare: number): void {
    try {
      for (;;) this.#taken.push(openSync('/dev/null', 'r'));
    } catch {
      this.#taken.splice(0, spare).forEach(closeSync);
    }
  }
}

if (process.argv[2] === 'enduring') {
  // Dropped here and not at the start: the checkout may lie where only root may read.
  if (process.getuid?.() === 0) {
    process.setgroups?.([]);
    process.setgid?.(UNPRIVILEGED);
    process.setuid?.(UNPRIVILEGED);
  }
  const servant = new Servant(JSON.parse(process.argv[3]!) as WorkerOrder);
  process.on('message', (order) => void servant.obey(order as Order).then((answer) => process.send?.(answer)));
  process.once('disconnect', () => void servant.close());
}
