/**
 * The guarantees, each broken once: what is taken away, and the tests that must then fail. `npm run mutate` does it in
 * a copy of the checkout. A mutation that no test notices is a guarantee without a test.
 */
import { CHECKPOINTS } from './checkpoints.ts';
import { AGENTS } from './agents.ts';
import { CHANGES } from './changes.ts';
import { LIST_ITEMS } from './for-each.ts';
import { EDITS } from './edits.ts';
import { ENCRYPTION } from './encryption.ts';
import { PLAN_FLOW } from './plan-flow.ts';
import { CRASH_TEST } from './crash-test.ts';
import { HOSTILE } from './hostile.ts';
import { ENDING } from './ending.ts';
import { CLOCK_FAULTS } from './clocks.ts';
import { CALLS_ONCE } from './g1-once-calls.ts';
import { COMMANDS_ONCE } from './g1-once-commands.ts';
import { DATABASES_ONCE } from './g1-once-databases.ts';
import { HTTP_ONCE } from './g1-once-http.ts';
import { STEPS_ONCE } from './g1-once-steps.ts';
import { UNDOING_ONCE } from './g1-once-undoing.ts';
import { VERIFIED } from './g2-verified.ts';
import { INFORMED } from './g3-informed.ts';
import { DATABASES_SEEN } from './g4-databases.ts';
import { NOTHING_LOST } from './g4-nothing-lost.ts';
import { STABLE } from './g5-stable.ts';
import { CHECKED } from './g6-checked.ts';
import { SEALED } from './g6-sealed.ts';
import { SEALED_STORES } from './sealed-stores.ts';
import { LANGGRAPH } from './langgraph.ts';
import { MOVES } from './moves.ts';
import { NO_WORKER } from './no-worker.ts';
import { OPERATORS } from './operators.ts';
import { SECRETS } from './secrets.ts';
import { STATES } from './state.ts';
import { STORAGE } from './storage.ts';
import { TOLD } from './told.ts';
import { ATTEMPTS } from './attempts.ts';
import { MODEL } from './model.ts';
import type { Mutation } from './mutation.ts';
import { REBUILDS } from './rebuilds.ts';
import { RESUMES } from './resumes.ts';
import { RETENTION } from './retention.ts';
import { FORKS } from './forks.ts';
import { REWINDS } from './rewinds.ts';
import { SUB_PLANS } from './sub-plans.ts';

export const MUTATIONS: readonly Mutation[] = [
  ...AGENTS,
  ...ATTEMPTS,
  ...STEPS_ONCE,
  ...LIST_ITEMS,
  ...PLAN_FLOW,
  ...CHECKPOINTS,
  ...REBUILDS,
  ...RESUMES,
  ...REWINDS,
  ...FORKS,
  ...EDITS,
  ...SUB_PLANS,
  ...RETENTION,
  ...CALLS_ONCE,
  ...HTTP_ONCE,
  ...COMMANDS_ONCE,
  ...UNDOING_ONCE,
  ...DATABASES_ONCE,
  ...VERIFIED,
  ...INFORMED,
  ...NO_WORKER,
  ...OPERATORS,
  ...NOTHING_LOST,
  ...DATABASES_SEEN,
  ...STABLE,
  ...STATES,
  ...LANGGRAPH,
  ...MOVES,
  ...SEALED,
  ...SEALED_STORES,
  ...CHECKED,
  ...TOLD,
  ...CRASH_TEST,
  ...HOSTILE,
  ...ENDING,
  ...STORAGE,
  ...SECRETS,
  ...ENCRYPTION,
  ...CHANGES,
  ...CLOCK_FAULTS,
  ...MODEL,
];
