/** A job in this process, opened anew for each test of a file, and its workspace as somebody else sees it. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'node:test';
import type { Decision } from '../../src/model/question/decision.ts';
import type { Question } from '../../src/model/question/question.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import type { TestJob } from '../../src/testing.ts';
import { decide } from './questions.ts';

export abstract class TestedJob {
  job!: TestJob;

  /** Opens the job, and what else a test needs. */
  abstract begin(): Promise<void> | void;

  async end(): Promise<void> {
    setFaultHook(undefined);
    await this.job.close();
  }

  at(place: string): string {
    return join(this.job.workspace, place);
  }

  text(place: string): string {
    return readFileSync(this.at(place), 'utf8');
  }

  put(place: string, content: string, mode = 0o644): void {
    mkdirSync(dirname(this.at(place)), { recursive: true });
    writeFileSync(this.at(place), content);
    chmodSync(this.at(place), mode);
  }

  async decide(question: Question, decision: Partial<Decision>): Promise<readonly string[]> {
    return await decide(this.job, question, decision);
  }
}

/** Begins before each test of the file that calls it, and ends after. */
export function forEachTest<J extends TestedJob>(tested: J): J {
  beforeEach(() => tested.begin());
  afterEach(() => tested.end());
  return tested;
}
