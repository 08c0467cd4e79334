/**
 * The one table of what each answer does, for each class of finding. What is not in the table is not offered.
 * Repair, the client, the command line and the Workflow all read this table; none has a copy.
 */
import type { Answer, FindingClass } from './answer.ts';

/** What an answer does to each of the four things that remember. */
export interface AnswerEffect {
  /** For a person, in one sentence. */
  readonly does: string;
  readonly intent: 'none' | 'approved' | 'dropped' | 'effect-left-out' | 'rolls-forward' | 'undone';
  readonly manifest:
    | 'none'
    | 'found-becomes-record'
    | 'record-put-back'
    | 'stale-steps-undone'
    | 'intent-undone'
    | 'put-back-as-before';
  readonly ledger:
    | 'decision-record'
    | 'decision-record-and-generation'
    | 'decision-record-and-adoption'
    | 'decision-record-and-answer'
    | 'decision-record-and-call'
    | 'other-job-released'
    | 'withdrawn-record';
  readonly workflow:
    | 'verify-again'
    | 'ask-step-again'
    | 'run-stale-steps-again'
    | 'run-step-again'
    | 'adopt-results'
    | 'undo-goes-on'
    | 'fail-job';
}

const RECHECK: AnswerEffect = {
  does: 'Look again; nothing is changed or recorded.',
  intent: 'none',
  manifest: 'none',
  ledger: 'withdrawn-record',
  workflow: 'verify-again',
};
const ABORT: AnswerEffect = {
  does:
    'End the job as failed. What it did stays as it is, or is undone, newest first, if the decision says ' +
    'compensate.',
  intent: 'dropped',
  manifest: 'none',
  ledger: 'decision-record',
  workflow: 'fail-job',
};

export const ANSWERS: { readonly [C in FindingClass]: { readonly [A in Answer]?: AnswerEffect } } = {
  discrepancy: {
    accept: {
      does: 'The world is right: what was found becomes the record. Steps that used the old content are not run again.',
      intent: 'none',
      manifest: 'found-becomes-record',
      ledger: 'decision-record',
      workflow: 'verify-again',
    },
    restore: {
      does: 'The record is right: it is put back. What was found is kept as evidence.',
      intent: 'none',
      manifest: 'record-put-back',
      ledger: 'decision-record',
      workflow: 'verify-again',
    },
    rerun: {
      does: 'What was found becomes the record; the steps named are undone and run again.',
      intent: 'dropped',
      manifest: 'stale-steps-undone',
      ledger: 'decision-record-and-generation',
      workflow: 'run-stale-steps-again',
    },
    recheck: RECHECK,
    abort: ABORT,
  },
  unverifiable: { recheck: RECHECK, abort: ABORT },
  approval: {
    approve: {
      does: 'Exactly the changes shown are applied.',
      intent: 'approved',
      manifest: 'none',
      ledger: 'decision-record',
      workflow: 'ask-step-again',
    },
    reject: {
      does: 'Nothing is applied; the step runs again and is told the reason, or its Workflow is (`onReject`).',
      intent: 'dropped',
      manifest: 'none',
      ledger: 'decision-record',
      workflow: 'ask-step-again',
    },
    recheck: RECHECK,
    abort: ABORT,
  },
  conflict: {
    skip: {
      does: 'This effect is left out; what was found becomes the record.',
      intent: 'effect-left-out',
      manifest: 'found-becomes-record',
      ledger: 'decision-record',
      workflow: 'ask-step-again',
    },
    overwrite: {
      does: 'What was found is kept as evidence, then the step goes on and replaces it.',
      intent: 'rolls-forward',
      manifest: 'none',
      ledger: 'decision-record',
      workflow: 'ask-step-again',
    },
    undo: {
      does: 'What the step has applied is undone; what was found stays; the step runs again.',
      intent: 'undone',
      manifest: 'intent-undone',
      ledger: 'decision-record-and-generation',
      workflow: 'run-step-again',
    },
    recheck: RECHECK,
    abort: ABORT,
  },
  ahead: {
    keep: {
      does: 'The recorded results are adopted: these steps are not run again.',
      intent: 'none',
      manifest: 'none',
      ledger: 'decision-record-and-adoption',
      workflow: 'adopt-results',
    },
    recheck: RECHECK,
    abort: ABORT,
  },
  'in-doubt': {
    happened: {
      does:
        'The call counts as made, with the answer given (or the one recorded): the step runs again and goes ' +
        'on with it.',
      intent: 'none',
      manifest: 'none',
      ledger: 'decision-record-and-answer',
      workflow: 'ask-step-again',
    },
    repeat: {
      does:
        'The step runs again and makes the call once more; if the first had happened after all, it has ' +
        'happened twice, unless the other side knows the key.',
      intent: 'none',
      manifest: 'none',
      ledger: 'decision-record-and-call',
      workflow: 'ask-step-again',
    },
    recheck: RECHECK,
    abort: ABORT,
  },
  stuck: {
    rerun: {
      does: 'The step is run again from its beginning.',
      intent: 'dropped',
      manifest: 'none',
      ledger: 'decision-record-and-generation',
      workflow: 'run-step-again',
    },
    recheck: RECHECK,
    abort: ABORT,
  },
  undo: {
    skip: {
      does: 'It stays as it is found, and what else the job did is undone; the report names it.',
      intent: 'effect-left-out',
      manifest: 'found-becomes-record',
      ledger: 'decision-record',
      workflow: 'undo-goes-on',
    },
    overwrite: {
      does: 'What was found is kept as evidence, then it is put back as it was before the step.',
      intent: 'none',
      manifest: 'put-back-as-before',
      ledger: 'decision-record',
      workflow: 'undo-goes-on',
    },
    rerun: {
      does: "The step's own compensation is tried again from its beginning.",
      intent: 'dropped',
      manifest: 'none',
      ledger: 'decision-record',
      workflow: 'undo-goes-on',
    },
    happened: {
      does: "The call counts as made, with the answer given: the step's own compensation is told so.",
      intent: 'none',
      manifest: 'none',
      ledger: 'decision-record-and-answer',
      workflow: 'undo-goes-on',
    },
    recheck: RECHECK,
    abort: {
      does: 'Nothing more is undone: what is not, stays as it is. The job ends as aborted.',
      intent: 'dropped',
      manifest: 'none',
      ledger: 'decision-record',
      workflow: 'fail-job',
    },
  },
  damaged: { recheck: RECHECK, abort: ABORT },
  foreign: {
    accept: {
      does:
        'The other job is released: what it had half applied is finished first, its record is kept, and this ' +
        'job takes the workspace.',
      intent: 'rolls-forward',
      manifest: 'none',
      ledger: 'other-job-released',
      workflow: 'verify-again',
    },
    recheck: RECHECK,
    abort: ABORT,
  },
};
