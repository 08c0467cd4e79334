/** The job of `drift.ts`, made once a file; each test goes on with a copy of it, in a world that it has changed. */
import { existsSync } from 'node:fs';
import { after, afterEach, before } from 'node:test';
import type { StepImplementation } from '../../src/model/step/step.ts';
import type { TestJob } from '../../src/testing.ts';
import { copyOf, makeFixture, removeFixture, resume, SQLITE_FILE, stepsFor, type Fixture } from './drift.ts';
import { snapshotFiles, sqliteTables } from './snapshot.ts';
import { sqliteRows } from './sqlite.ts';
import { TestedJob } from './tested-job.ts';

export class DriftedJob extends TestedJob {
  fixture!: Fixture;
  copy!: Fixture;
  readonly #steps: readonly StepImplementation[];

  /** `steps`: besides those of the fixture. */
  constructor(steps: readonly unknown[]) {
    super();
    this.#steps = steps as readonly StepImplementation[];
  }

  /** Called by each test, before it changes the world. */
  override begin(trigger: 'restart' | 'reset' = 'restart'): void {
    this.copy = copyOf(this.fixture);
    this.job = this.open(trigger);
  }

  /** As another worker, or after a reset. */
  open(trigger: 'restart' | 'reset' = 'restart'): TestJob {
    return resume(this.copy, trigger, { steps: [...(stepsFor(this.copy.workspace) ?? []), ...this.#steps] });
  }

  override async end(): Promise<void> {
    if (this.job !== undefined) await super.end();
    if (this.copy !== undefined) removeFixture(this.copy);
  }

  /** Rows of a statement in the job's database. */
  sql(statement: string): readonly Record<string, unknown>[] {
    return sqliteRows(this.at(SQLITE_FILE), statement);
  }

  snapshot(): unknown {
    return {
      files: snapshotFiles(this.copy.workspace, [SQLITE_FILE]),
      tables: existsSync(this.at(SQLITE_FILE)) ? sqliteTables(this.at(SQLITE_FILE)) : 'none',
    };
  }
}

/** The fixture is made before the first test of the file, and removed after the last. */
export function onceAFile<J extends DriftedJob>(drifted: J): J {
  before(async () => {
    drifted.fixture = await makeFixture();
  });
  afterEach(() => drifted.end());
  after(() => removeFixture(drifted.fixture));
  return drifted;
}
