/** Attempts: heard of while they run, cut off when they must be, and over when they end. */
import type { Mutation } from './mutation.ts';

export const ATTEMPTS: readonly Mutation[] = [
  {
    guarantee: 'G1',
    breaks: 'what code that swallows its abort returns is recorded',
    file: 'src/protocol/step/run-code.ts',
    find: "if (signal.aborted) throw 'error' in end ? end.error : signal.reason;",
    replace: "if (signal.aborted && 'error' in end) throw end.error;",
    tests: ['test/integration/cut-off.test.ts'],
  },
  {
    guarantee: 'G2',
    breaks: 'an attempt that fails is taken for a lost worker',
    file: 'src/protocol/attempt/claim.ts',
    find: "this.update(ledger, { ...change, state: 'closed' })",
    replace: 'this.update(ledger, change)',
    tests: ['test/integration/claims.test.ts'],
  },
  {
    guarantee: 'G2',
    breaks: 'an attempt that was overtaken closes the claim of its successor',
    file: 'src/protocol/attempt/claim.ts',
    find: 'if (found?.nonce !== this.#row.nonce) return;',
    replace: 'if (found === undefined) return;',
    tests: ['test/integration/claims.test.ts'],
  },
  {
    guarantee: 'G1',
    breaks: 'contents that dead writers left half written stay for ever',
    file: 'src/protocol/end/release.ts',
    find: 'workspace.blobs.removeLeftovers(Date.now());',
    replace: '',
    tests: ['test/integration/claims.test.ts'],
  },
  {
    guarantee: 'T',
    breaks: 'a step that says nothing is taken for lost',
    file: 'src/activities/heartbeat.ts',
    find: 'export const HEARTBEAT_EVERY_MS = 1_000;',
    replace: 'export const HEARTBEAT_EVERY_MS = 9_000;',
    tests: ['test/unit/heartbeat.test.ts'],
  },
  {
    guarantee: 'T',
    breaks: 'heartbeats go on after the end',
    file: 'src/activities/heartbeat.ts',
    find: 'clearInterval(this.#timer);',
    replace: '',
    tests: ['test/unit/heartbeat.test.ts'],
  },
];
