/**
 * The rules of the protocol that the model can go without, each with what `docs/design.md` says. Taken out, each must
 * give a counterexample: a rule without one is not needed, or the model is too small to need it.
 */

export const RULES = {
  recordAnswers: 'A token that is done answers with the recorded result.',
  claimNonce: 'A later claim replaces it; `once`, seal and apply require the current nonce.',
  leftOpen: 'One left open means a lost worker, and the world is compared first.',
  newWorker: 'A worker that registers after that is not covered (by the mark).',
  firstOfRun: 'The answer is verification-required when the run id is not the ledger’s.',
  tooLong: 'Verification is required when `verifyAfterMs` has passed; a long step is compared before it applies.',
  decidedCompares: 'Then the world is compared again: it was in people’s hands meanwhile.',
  knownHead: 'The Workflow carries a head in every request, so a ledger that lacks it is recognised.',
  aheadAsked: 'Ahead after a reset: the world holds steps that the Workflow has forgotten; a question.',
  takenBackAsked:
    'A step that the Workflow takes for done, and that a decision which it has forgotten took back: a question.',
  heardAsCarriedOut:
    'A decision is known to a Workflow for which it was carried out, however far that knows the record.',
  abandonedFinished: 'Half applied and asked for by nobody: the verification finishes it.',
  readsAsRecorded: 'A read of something that the manifest knows must find what the manifest says.',
  beforeFromManifest: '`before` of a known resource comes from the manifest, not from what is found.',
  freshAtApply: 'Anything stale (a target, a read): nothing is applied and the draft is dropped.',
  applyingFirst: 'The intent is marked `applying`, fsynced; from here it only rolls forward.',
  rollForward: 'A kill at any point is finished by the next attempt, which prepares again what is not done.',
  marks: 'Files one by one, each marked as it is done; an applied target may be only as after.',
  neitherIsConflict: 'A target that is neither before nor after then is a conflict for a person.',
  tokenRow: 'The token row alone decides whether this was applied already.',
  tokenWithEffect: 'The token row is written in the effect’s own transaction.',
  afterCommitLooked:
    'A row that shows its state before, committed already, was put back by somebody: the world is compared.',
  traces: 'Token rows are resources of the manifest; one that the ledger does not know is a question.',
  overwriteCommitted:
    'A row that is changed after its COMMIT, and shall be as wanted, is put in a transaction of its own.',
  fence: 'Applying requires that database and ledger agree on the term. A leftover is refused.',
  fencesFirst: 'A term is raised in the fence row of every database first, in the ledger last.',
  capture: 'The bytes found are kept before they are replaced.',
  onceDurable: 'A `once` value is durable before it is returned.',
  onceReads:
    'On a retry it comes from the record while the digest of what was read is the same; else a new draft begins.',
  onceKept: 'A draft that is dropped hands its values on to the next one.',
  onlyAsShown: 'A decision is carried out only where the world shows what the question showed, or what is wanted.',
  decisionOnce: 'A decision is used once: a question that is answered takes no other.',
  repairSealed: 'A decision becomes a sealed repair; once sealed it only rolls forward.',
  repairToken: 'What a repair changes of a database is one transaction with the repair’s own token row.',
  newGeneration: 'The ledger issues the generation (highest + 1, never reused).',
  rerunUndoes: '`rerun` undoes the old generation’s effects and those of dependents.',
  undoAsShown: 'Each effect is undone only where the world still shows it.',
  foundIsNewest: 'What was found stands in the place of the newest effect alone: undone, the older one shows.',
  staysAsSaid: 'What a person lets stay as it is is not undone with the steps that run again.',
  putBackTold: 'What a repair has put back is the record, also where an older change of it is left.',
  dependents: '`rerun` runs dependents again, too.',
  newestFirst: 'Records are undone newest first.',
  undoStops: 'From the record of an undoing on no step runs; every claim is void.',
  undoneWhichever: 'What is undone is a record of whichever generation, also where a later one was issued.',
  subStepRecord: 'The record of a sub-step answers the attempt that comes to it again.',
} as const;

export type Rule = keyof typeof RULES;
export type Rules = Readonly<Record<Rule, boolean>>;

export const RULE_NAMES = Object.keys(RULES) as Rule[];

/** Which rules are kept: all, unless some are taken out. */
export function rulesWithout(...without: readonly Rule[]): Rules {
  return Object.fromEntries(RULE_NAMES.map((name) => [name, !without.includes(name)])) as Record<Rule, boolean>;
}
