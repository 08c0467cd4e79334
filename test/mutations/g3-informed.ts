/** G3: a decision counts only for what the person was shown. */
import { CALLS, DECISIONS, UNDOING } from './suites.ts';
import type { Mutation } from './mutation.ts';

export const INFORMED: readonly Mutation[] = [
  {
    guarantee: 'G3',
    breaks: 'a decision is carried out although the world has moved',
    file: 'src/protocol/repair/decide.ts',
    find: 'if (now.moved.length > 0) {',
    replace: 'if (now.moved.length < 0) {',
    tests: ['test/integration/decisions-refused.test.ts', ...DECISIONS],
  },
  {
    guarantee: 'G3',
    breaks: 'the same drift next week is the same question',
    file: 'src/model/question/question.ts',
    find: 'return digestOf({ nonce, findings: findingsIdentity(findings) });',
    replace: 'return digestOf({ findings: findingsIdentity(findings), nonce: nonce.slice(0, 0) });',
    tests: DECISIONS,
  },
  {
    guarantee: 'G3',
    breaks: 'an approval covers another draft',
    file: 'src/protocol/step/run-attempt.ts',
    find: 'if (row.approval && !isApproved(attempt, ledger, row.digest))',
    replace: 'if (row.approval && attempt.claim.row.dropped === 0 && !isApproved(attempt, ledger, row.digest))',
    tests: DECISIONS,
  },
  {
    guarantee: 'G3',
    breaks: 'a repair that fails ends the job',
    file: 'src/workflows/gate/decisions.ts',
    find: 'throw this.#notCarriedOut(decision, error);',
    replace: 'throw error;',
    tests: ['test/integration/decisions-refused.test.ts'],
    name: 'cannot be carried out',
  },
  {
    guarantee: 'G3',
    breaks: 'a decision answers a question that another has answered',
    file: 'src/protocol/repair/decide.ts',
    find: 'if (canonicalJson(sealed.decision) !== canonicalJson(decision)) return',
    replace: 'if (sealed.decision === undefined) return',
    tests: ['test/integration/decisions-refused.test.ts'],
  },
  {
    guarantee: 'G3',
    breaks: 'contradictory answers are taken',
    file: 'src/model/question/ruling.ts',
    find: 'problems.push(...contradictions(question, answers));',
    replace: 'problems.push(...contradictions(question, {}));',
    tests: ['test/unit/decision.test.ts', 'test/integration/decisions-refused.test.ts'],
  },
  {
    guarantee: 'G3',
    breaks: 'a call in doubt holds back every step',
    file: 'src/model/question/question.ts',
    find: "'stuck', 'in-doubt', 'undo'",
    replace: "'stuck', 'undo'",
    tests: CALLS,
  },
  {
    guarantee: 'G3',
    breaks: 'an answer about what an undoing found holds for whatever is found',
    file: 'src/protocol/undo/inverse/put-back.ts',
    find: 'one.found !== null && sameState(one.found, found) && (one.answer',
    replace: 'one.found !== null && (one.answer',
    tests: UNDOING,
    name: 'holds for that alone',
  },
];
