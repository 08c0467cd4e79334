/** A step whose code waits until the test lets it go on, and then changes a file and a row that count what is done. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { WorkflowHandle } from '@temporalio/client';
import * as z from 'zod';
import { defineStep, implementStep } from '../../../src/model/step/step.ts';
import type { agentJob } from '../../../src/workflows/agent-job.ts';
import type { ServedJobs } from '../../support/served-jobs.ts';
import { untilTrue } from '../../support/until.ts';

/** What the job has done, as whoever looks from outside sees it. */
export interface HeldWorld {
  /** What the database's triggers counted: every insert of a row, also one that was taken back. */
  readonly inserts: readonly unknown[];
  readonly held: string | undefined;
  readonly after: string | undefined;
}

export interface HeldJob {
  readonly id: string;
  readonly handle: WorkflowHandle<typeof agentJob>;
  readonly workspace: string;
  /** Of its row. */
  readonly row: number;
  /** How often the step's code has begun. */
  readonly begun: () => number;
  /** How many attempts have heard that they are over. */
  readonly ended: () => number;
  letGo(): void;
  /** Where its database is in the workspace. */
  look(): HeldWorld;
}

interface Hold {
  readonly id: number;
  begun: number;
  ended: number;
  readonly gate: PromiseWithResolvers<void>;
}

export class HeldSteps {
  readonly #holds = new Map<string, Hold>();
  readonly step = implementStep(
    defineStep({ name: 'held', input: z.object({ name: z.string() }), output: z.object({ text: z.string() }) }),
    async (ctx, { name }) => {
      const hold = this.#holds.get(name)!;
      hold.begun += 1;
      const ended = new Promise((_, reject) =>
        ctx.signal.addEventListener(
          'abort',
          () => {
            hold.ended += 1;
            reject(new Error('ended'));
          },
          { once: true },
        ),
      );
      await Promise.race([hold.gate.promise, ended]);
      await ctx.db('main').insert('note', { id: hold.id, text: 'real' });
      await ctx.files.write('held.txt', 'real');
      return { text: 'real' };
    },
  );

  letAllGo(): void {
    for (const { gate } of this.#holds.values()) gate.resolve();
  }

  /** A job in a workspace of its own, once its step is held. */
  async start(jobs: ServedJobs, plan: HeldPlan = {}): Promise<HeldJob> {
    const name = `job-${this.#holds.size}`;
    const isInWorkspace = plan.databaseUrl === undefined;
    if (isInWorkspace) prepare(join(jobs.root, name));
    else mkdirSync(join(jobs.root, name), { recursive: true });
    return await this.#start(jobs, name, plan);
  }

  /** Another job in the workspace of one, with the same plan; its step does not wait. */
  async startIn(jobs: ServedJobs, { workspace }: HeldJob, plan: HeldPlan = APPROVED): Promise<HeldJob> {
    const job = await this.#begin(jobs, workspace.slice(jobs.root.length + 1), plan);
    job.letGo();
    return job;
  }

  async #start(jobs: ServedJobs, name: string, plan: HeldPlan): Promise<HeldJob> {
    const job = await this.#begin(jobs, name, plan);
    await untilTrue(() => job.begun() > 0, { what: 'the step is begun' });
    return job;
  }

  async #begin(jobs: ServedJobs, workspaceName: string, plan: HeldPlan): Promise<HeldJob> {
    const name = `hold-${this.#holds.size}`;
    const workspace = join(jobs.root, workspaceName);
    const hold: Hold = { id: this.#holds.size + 1, begun: 0, ended: 0, gate: Promise.withResolvers<void>() };
    this.#holds.set(name, hold);
    const handle = await jobs.startPlan({
      schemaVersion: 1,
      name: 'held',
      workspace: workspaceName,
      databases: { main: { url: plan.databaseUrl ?? 'sqlite:main.db' } },
      steps: [
        { id: 'first', use: 'file.write', with: { path: 'first.txt', content: 'first' } },
        { id: 'held', use: 'held', needs: ['first'], with: { name }, ...plan.held },
        ...(plan.after ?? [AFTER]),
      ],
    });
    return {
      id: handle.workflowId,
      handle,
      workspace,
      row: hold.id,
      begun: () => hold.begun,
      ended: () => hold.ended,
      letGo: () => hold.gate.resolve(),
      look: () => look(workspace),
    };
  }
}

const AFTER = {
  id: 'after',
  use: 'file.write',
  with: { path: 'after.txt', content: 'after ${{ steps.held.output.text }}' },
};
const APPROVED: HeldPlan = { held: { approval: 'before-apply' } };

export interface HeldPlan {
  /** Of the held step. */
  readonly held?: object;
  readonly after?: readonly object[];
  /** Default: `main.db` in the workspace. */
  readonly databaseUrl?: string;
}

/** The database counts by itself what is done in it. */
function prepare(workspace: string): void {
  mkdirSync(workspace, { recursive: true });
  const database = new DatabaseSync(join(workspace, 'main.db'));
  try {
    database.exec(
      'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL); ' +
        'CREATE TABLE audit (n INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL); ' +
        'CREATE TRIGGER count_note AFTER INSERT ON note BEGIN INSERT INTO audit (text) VALUES (NEW.text); END',
    );
  } finally {
    database.close();
  }
}

function look(workspace: string): HeldWorld {
  const database = new DatabaseSync(join(workspace, 'main.db'), { readOnly: true });
  try {
    const inserts = database
      .prepare('SELECT text FROM audit ORDER BY n')
      .all()
      .map((row) => row['text']);
    return { inserts, held: textOf(workspace, 'held.txt'), after: textOf(workspace, 'after.txt') };
  } finally {
    database.close();
  }
}

/** Of a file in the workspace of a job; undefined: it is not there. */
export function textOf(workspace: string, name: string): string | undefined {
  const path = join(workspace, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
