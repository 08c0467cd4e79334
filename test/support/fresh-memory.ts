/** What a Workflow remembers of a job that has done nothing yet. */
import { GENESIS } from '../../src/model/record/chain.ts';
import type { TestJobMemory } from '../../src/testing.ts';

export function freshMemory(name: string): TestJobMemory {
  return {
    workflowId: name,
    firstRunId: 'run-1',
    runId: 'run-1',
    term: 0,
    known: { seq: 0, head: GENESIS },
    steps: [],
    generations: {},
  };
}
