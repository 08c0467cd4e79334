/** What an operator does by hand is not taken for a worker's word. */
import type { Mutation } from './mutation.ts';

const TESTS = ['test/fault/operator.test.ts'];

export const OPERATORS: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'a result that an operator has made counts as a worker’s',
    file: 'src/workflows/state/results.ts',
    find: "if (!isPatched('only-a-workers-result-counts')) return true;",
    replace: "if (isPatched('only-a-workers-result-counts')) return true;",
    tests: TESTS,
    name: 'at a place that the record has:',
  },
  {
    guarantee: 'G1',
    breaks: 'a result counts whatever step it is of',
    file: 'src/model/job/result-proof.ts',
    find: '`${activity}\\n${jobId}\\n${of}\\n${generation}\\n${canonicalJson(result)}`',
    replace: 'canonicalJson(result)',
    tests: TESTS,
    name: 'result of another step',
  },
  {
    guarantee: 'G1',
    breaks: 'a step that an operator has failed fails the job',
    file: 'src/workflows/state/results.ts',
    find: "if (isWorkers || !isPatched('only-a-workers-result-counts')) return undefined;",
    replace: 'return undefined;',
    tests: TESTS,
    name: 'failed by hand is asked about',
  },
  {
    guarantee: 'G6',
    breaks: 'what an operator has made is recorded when a lost record is made anew',
    file: 'src/protocol/rebuild/known-job.ts',
    find: 'isByWorker || !this.#hasProofs ? withoutProof(result) : undefined',
    replace: 'withoutProof(result)',
    tests: ['test/unit/result-proof.test.ts'],
  },
];
