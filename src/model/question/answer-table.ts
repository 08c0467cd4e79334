/**
 * The one table of what each answer does, for each class of finding. What is not in the table is not offered.
 * Repair, the client, the command line and the Workflow all read this table; none has a copy.
 */
import type { Answer, FindingClass } from './answer.ts';

/** What an answer does to each of the four things that remember. */
export interface AnswerEffect {
  /** For a person, in one sentence. */
  readonly does: string;
  /** On a half-applied or sealed intent. */
  readonly intent: 'none' | 'approved' | 'dropped' | 'effect-left-out' | 'rolls-forward' | 'undone';
  /** On what the world should look like. */
  readonly manifest:
    | 'none'
    | 'found-becomes-record'
    | 'record-put-back'
    | 'stale-steps-undone'
    | 'intent-undone'
    | 'put-back-as-before'
    | 'as-the-source-has-it';
  /** Which record is written. */
  readonly ledger:
    | 'decision-record'
    | 'decision-record-and-generation'
    | 'decision-record-and-adoption'
    | 'decision-record-and-answer'
    | 'decision-record-and-call'
    | 'none'
    | 'other-job-released'
    | 'made-anew'
    | 'withdrawn-record';
  /** What the job does next. */
  readonly workflow:
    | 'verify-again'
    | 'ask-step-again'
    | 'run-stale-steps-again'
    | 'run-step-again'
    | 'adopt-results'
    | 'undo-goes-on'
    | 'begin-anew'
    | 'fail-job';
}

const RECHECK: AnswerEffect = {
  does: 'Look again, and change nothing. What is mended by then is no longer asked about.',
  intent: 'none',
  manifest: 'none',
  ledger: 'withdrawn-record',
  workflow: 'verify-again',
};
const ABORT: AnswerEffect = {
  does: 'End the job as failed. What it did stays as it is; with --compensate it is undone, newest first.',
  intent: 'dropped',
  manifest: 'none',
  ledger: 'decision-record',
  workflow: 'fail-job',
};
/** Without a record that can be trusted nothing can be undone. */
const ABORT_AS_IT_IS: AnswerEffect = { ...ABORT, does: 'End the job as failed. What it did stays as it is.' };
/** The step is asked again after the comparison. */
const RECHECK_STEP: AnswerEffect = {
  ...RECHECK,
  does: 'Look again, then try the step once more where it stands: mend the cause first.',
};

/** For each class of finding the answers that it can offer, in the order in which they are shown. */
export const ANSWERS: { readonly [C in FindingClass]: { readonly [A in Answer]?: AnswerEffect } } = {
  discrepancy: {
    accept: {
      does:
        'What is there now is right: it stays, and becomes the record. Steps that used what was there before are not ' +
        'run again.',
      intent: 'none',
      manifest: 'found-becomes-record',
      ledger: 'decision-record',
      workflow: 'verify-again',
    },
    restore: {
      does:
        'What was recorded is right: it is put back. A file that is there now is stored first, under ' +
        '.holdfast/blobs; the values of a row stay in the record.',
      intent: 'none',
      manifest: 'record-put-back',
      ledger: 'decision-record',
      workflow: 'verify-again',
    },
    rerun: {
      does:
        'The steps named are undone and run again, with what is there now. What they make themselves is made anew: ' +
        'what is there of it now is replaced.',
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
      does:
        'Exactly the changes shown are made, unless what the step has read has changed by then. Files and rows can ' +
        'be taken back later, with all that the job did: abort --compensate; a statement only if it names an undo.',
      intent: 'approved',
      manifest: 'none',
      ledger: 'decision-record',
      workflow: 'ask-step-again',
    },
    reject: {
      does:
        'Nothing of it is made. The step runs again and is given your reason (a built-in step asks for the same ' +
        'again). Where its Workflow says so (onReject), it is the Workflow that is given the reason.',
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
      does: 'It stays as it is now, and becomes the record. The other changes of the step are made.',
      intent: 'effect-left-out',
      manifest: 'found-becomes-record',
      ledger: 'decision-record',
      workflow: 'ask-step-again',
    },
    overwrite: {
      does: 'It becomes what the step wants. A file that is there now is stored first, under .holdfast/blobs.',
      intent: 'rolls-forward',
      manifest: 'none',
      ledger: 'decision-record',
      workflow: 'ask-step-again',
    },
    undo: {
      does:
        'It stays as it is now, what the step has changed elsewhere is undone, and the step runs again: it may then ' +
        'change this, too.',
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
    undo: {
      does:
        'What these steps did is undone, newest first, each only where the world still shows it; they run again when ' +
        'the Workflow comes to them. Calls keep their recorded answers.',
      intent: 'dropped',
      manifest: 'stale-steps-undone',
      ledger: 'decision-record-and-generation',
      workflow: 'run-step-again',
    },
    recheck: RECHECK,
    abort: ABORT,
  },
  'in-doubt': {
    happened: {
      does:
        'The call counts as made and is not made again: the step goes on with the answer that you give, or with the ' +
        'recorded one.',
      intent: 'none',
      manifest: 'none',
      ledger: 'decision-record-and-answer',
      workflow: 'ask-step-again',
    },
    repeat: {
      does:
        'The call is made once more. If the first has happened after all, it has then happened twice, unless the ' +
        'other side knows its key.',
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
      does: 'The step runs again from its beginning: mend the cause first.',
      intent: 'dropped',
      manifest: 'none',
      ledger: 'decision-record-and-generation',
      workflow: 'run-step-again',
    },
    recheck: RECHECK_STEP,
    abort: ABORT,
  },
  undo: {
    skip: {
      does: 'It stays as it is now. What else the job did is undone, and the report at the end names what stays.',
      intent: 'effect-left-out',
      manifest: 'found-becomes-record',
      ledger: 'decision-record',
      workflow: 'undo-goes-on',
    },
    overwrite: {
      does:
        'It is put back as it was before the step. A file that is there now is stored first, under ' +
        '.holdfast/blobs.',
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
  damaged: {
    rebuild: {
      does:
        'The record is made anew from what is named here, and the world is compared with it. What was the record ' +
        'until now, or is left of it, is moved to .holdfast/lost.',
      intent: 'dropped',
      manifest: 'as-the-source-has-it',
      ledger: 'made-anew',
      workflow: 'verify-again',
    },
    recheck: RECHECK,
    abort: ABORT_AS_IT_IS,
  },
  checkpoint: {
    older: {
      does:
        'The job goes on from the older checkpoint that is named. What came after it is lost to the record; the ' +
        'checkpoints that cannot be read are moved aside, not deleted.',
      intent: 'none',
      manifest: 'none',
      ledger: 'decision-record',
      workflow: 'verify-again',
    },
    anew: {
      does: 'Another job begins from nothing, in this new workspace. What the earlier one did stays as it is.',
      intent: 'none',
      manifest: 'none',
      ledger: 'none',
      workflow: 'begin-anew',
    },
    // There is no record yet that could tell of it.
    recheck: { ...RECHECK, ledger: 'none' },
    abort: { ...ABORT_AS_IT_IS, intent: 'none', ledger: 'none' },
  },
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
    abort: ABORT_AS_IT_IS,
  },
};
