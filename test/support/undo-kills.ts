/** Runs the undoing of the saga in processes that are killed, and looks at what came of it, from outside. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UndoReport } from '../../src/model/job/undo.ts';
import { openTestJob, type TestJobMemory } from '../../src/testing.ts';
import { answerOf, startChild } from './child-process.ts';
import type { CountingServer } from './counting-server.ts';
import { chainOf, readLedger } from './ledger.ts';
import type { Killing } from './killing.ts';
import { prepareSagaWorld, SAGA, sagaSteps, worldOf, type SagaPlaces, type SagaWorld } from './saga.ts';
import type { UndoOrder } from './undo-child.ts';
import { freshMemory } from './fresh-memory.ts';

const CHILD = new URL('./undo-child.ts', import.meta.url).pathname;

export interface DoneSaga {
  readonly places: SagaPlaces;
  readonly memory: TestJobMemory;
  /** The world before the job. */
  readonly before: SagaWorld;
}

export class UndoKills implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-undo-kills-'));
  readonly #server: CountingServer;

  constructor(server: CountingServer) {
    this.#server = server;
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** The saga, done to its end. `databaseUrl` default: a SQLite file in the workspace. */
  async doSaga(name: string, databaseUrl?: string): Promise<DoneSaga> {
    const workspace = join(this.root, name);
    const places: SagaPlaces = {
      workspace,
      url: this.#server.url,
      databaseUrl: databaseUrl ?? `sqlite:${workspace}/db/main.db`,
    };
    await prepareSagaWorld(places);
    const before = await worldOf(places);
    const job = openTestJob({
      workspace,
      resume: freshMemory(name),
      steps: sagaSteps(places),
      databases: { main: '${{ env.DATABASE_URL }}' },
      env: { DATABASE_URL: places.databaseUrl },
      http: { hosts: [places.url] },
    });
    for (const { contract, input } of SAGA) await job.step(contract, input as never);
    const { memory } = job;
    await job.close();
    return { places, memory, before };
  }

  /** A copy of a workspace with all that is in it, the SQLite database, too. */
  copyOf({ places, memory, before }: DoneSaga, name: string): DoneSaga {
    const workspace = join(this.root, name);
    cpSync(places.workspace, workspace, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    return { places: { ...places, workspace, databaseUrl: `sqlite:${workspace}/db/main.db` }, memory, before };
  }

  /** Runs one process. Undefined: it was killed. */
  async undo({ places, memory }: DoneSaga, killing: Killing = {}): Promise<UndoReport | undefined> {
    const order: UndoOrder = { ...places, memory, ...killing };
    const started = startChild({ script: CHILD, order, compiled: join(this.root, 'compiled') });
    const answer = await answerOf<{ readonly report?: UndoReport }>(started);
    if (answer === undefined) return undefined;
    assert.ok(answer.report !== undefined, `it asked: ${JSON.stringify(answer)}`);
    return answer.report;
  }

  /** As if nothing had been killed: the world as before, each step undone once, each compensation in effect once. */
  async mustBeUndone({ places, before }: DoneSaga, report: UndoReport | undefined): Promise<void> {
    assert.deepEqual(report?.left, []);
    assert.deepEqual(await worldOf(places), before);
    const [jobId] = readLedger(places.workspace, (ledger) => ledger.jobIds());
    const records = chainOf(places.workspace, jobId!);
    assert.deepEqual(
      records.flatMap((record) => (record.kind === 'undone' ? [record.stepId] : [])),
      SAGA.map(({ contract }) => contract.name).reverse(),
    );
    // A process killed after the release begins once more, and finds nothing to do.
    assert.equal(
      records.filter(({ kind }) => kind === 'undoing').length,
      records.filter(({ kind }) => kind === 'released').length,
    );
    const refund = records.flatMap((record) =>
      record.kind === 'undone'
        ? record.effects.flatMap(({ effect }) => (effect.kind === 'perform' ? [effect.key] : []))
        : [],
    );
    assert.deepEqual(
      refund.map((key) => this.#server.effects(key)),
      SAGA.flatMap(({ calls }) => (calls === undefined ? [] : [1])),
      'each compensation took effect once',
    );
    assert.deepEqual(
      readLedger(places.workspace, (ledger) => [
        ledger.boundJobId(),
        ledger.openIntents(jobId!).length,
        ledger.integrityProblems(jobId!),
      ]),
      [undefined, 0, []],
    );
  }

  /** Kills a process at this hit of the point; successors then undo the job to its end. */
  async killAt(done: DoneSaga, point: string, hit: number): Promise<void> {
    assert.equal(
      await this.undo(done, { kill: { point, hit } }),
      undefined,
      `it was to be killed at hit ${hit} of ${point}`,
    );
    await this.mustBeUndone(done, await this.undo(done));
  }
}

/** Two at a time; returns what failed. */
export async function twoAtATime<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<string[]> {
  const failures: string[] = [];
  let next = 0;
  const one = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      await work(items[index]!, index).catch((error: unknown) =>
        failures.push(`${JSON.stringify(items[index])}: ${(error as Error).message}`),
      );
    }
  };
  await Promise.all([one(), one()]);
  return failures;
}
