/** What a decision would do, as text: for each finding, on each of the four things that remember. */
import type { AnswerEffect } from '../model/question/answer-table.ts';
import type { DecisionPreview, UndoPreview } from '../client.ts';
import { answerText } from '../model/question/answer-text.ts';
import { shortDigest } from '../model/digest.ts';
import { shownName, shownQuestion } from '../model/question/shown-names.ts';
import type { Finding } from '../model/question/finding.ts';
import type { Question } from '../model/question/question.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { stepText } from './step-text.ts';

const WORDS: { readonly [K in keyof Omit<AnswerEffect, 'does'>]: Readonly<Record<AnswerEffect[K], string>> } = {
  intent: {
    none: '-',
    approved: 'approved',
    dropped: 'dropped',
    'effect-left-out': 'this effect is left out',
    'rolls-forward': 'goes on',
    undone: 'undone',
  },
  manifest: {
    none: '-',
    'found-becomes-record': 'what was found becomes the record',
    'record-put-back': 'the record is put back',
    'stale-steps-undone': 'what the steps did is undone',
    'intent-undone': 'what was applied is undone',
    'put-back-as-before': 'it is put back as it was before',
    'as-the-source-has-it': 'as the source has it',
  },
  ledger: {
    none: '-',
    'decision-record': 'decision',
    'decision-record-and-generation': 'decision, new generation',
    'decision-record-and-adoption': 'decision, results adopted',
    'decision-record-and-answer': "decision, the call's answer",
    'decision-record-and-call': 'decision, the call is open',
    'other-job-released': 'other job released',
    'withdrawn-record': 'question withdrawn',
    'made-anew': 'made anew, decision',
  },
  workflow: {
    'verify-again': 'compares again',
    'ask-step-again': 'asks the step again',
    'run-stale-steps-again': 'runs stale steps again',
    'run-step-again': 'runs the step again',
    'adopt-results': 'takes the results',
    'undo-goes-on': 'undoes on',
    'begin-anew': 'begins from nothing',
    'fail-job': 'fails',
  },
};

export function showPreview(terminal: Terminal, question: Question, preview: DecisionPreview): string {
  if (!preview.usable)
    return [
      terminal.style('red', `This decision cannot be used for question ${shortDigest(question.digest)}:`),
      ...preview.problems.map((problem) => `  ${problem}`),
    ].join('\n');
  const rows = preview.findings.map(({ resource, answer, effect }) => [
    shownName(resource),
    answer,
    WORDS.intent[effect.intent],
    WORDS.manifest[effect.manifest],
    WORDS.ledger[effect.ledger],
    WORDS.workflow[effect.workflow],
  ]);
  return [
    terminal.style(
      'bold',
      `What this would do to question ${shortDigest(question.digest)} (nothing has been changed):`,
    ),
    '',
    ...showFates(terminal, question, preview),
    ...(preview.runsAgain.length === 0 ? [] : [`  Run again: ${preview.runsAgain.join(', ')}`]),
    ...(preview.callsKept.length === 0
      ? []
      : [`  Not made anew, their answers are kept: ${preview.callsKept.join(', ')}`]),
    ...(preview.callsAgain.length === 0
      ? []
      : [terminal.style('yellow', `  Made anew: ${preview.callsAgain.join(', ')}`)]),
    ...(preview.leavesStale.length === 0
      ? []
      : [
          terminal.style(
            'yellow',
            `  Left as they are although they used the old content: ${preview.leavesStale.join(', ')}`,
          ),
        ]),
    ...(preview.notListed === 0 ? [] : [`  The same for ${preview.notListed} more findings that are not listed.`]),
    ...(preview.endsJob ? [terminal.style('red', '  The job ends as failed.')] : []),
    ...(preview.undoes === undefined ? [] : ['', ...showUndoes(terminal, preview.undoes, question.findings)]),
    '',
    'What each part of Holdfast then has:',
    table(['FINDING', 'ANSWER', 'INTENT', 'MANIFEST', 'LEDGER', 'WORKFLOW'], rows),
  ].join('\n');
}

type UsablePreview = Extract<DecisionPreview, { usable: true }>;

/** What becomes of each thing; once where the answer does the same for all. */
function showFates(terminal: Terminal, question: Question, preview: UsablePreview): readonly string[] {
  const { findings } = shownQuestion(question);
  const again = new Set(preview.runsAgain);
  const texts = preview.findings.map(({ resource, answer, effect }, index) => {
    const finding = findings[index]!;
    const maker = question.findings[index]!.recordedBy?.stepId;
    if (preview.replaced.includes(resource) && maker !== undefined && again.has(maker))
      return terminal.style('yellow', `  ${finding.resource}, ${answer}: ${madeAnew(finding, maker)}`);
    if (finding.class === 'approval' && answer === 'approve')
      return `  ${answer}: ${finding.found.text}. ${effect.does}`;
    const isOfOne = /^(file|row):/.test(finding.resource) && effect.workflow !== 'fail-job';
    return isOfOne ? `  ${finding.resource}, ${answer}: ${answerText(finding, answer)}` : `  ${answer}: ${effect.does}`;
  });
  return [...new Set(texts)];
}

/** A file that is there is stored; the values of a row stay in the record. */
function madeAnew({ found }: Finding, maker: string): string {
  const kept = found.sizeBytes === undefined ? '' : ' (stored first, under .holdfast/blobs)';
  return `step ${maker} runs again and makes it anew; what is there now is replaced${kept}`;
}

/** What would be undone, newest first; only where the world still shows it. */
export function showUndoes(
  terminal: Terminal,
  undoes: readonly UndoPreview[],
  differing: readonly Pick<Finding, 'resource'>[] = [],
): readonly string[] {
  const isAsked = (line: string): boolean => differing.some(({ resource }) => resource === line);
  if (undoes.length === 0) return ['  Nothing is to be undone: the job has done nothing.'];
  return [
    terminal.style('bold', 'Undone, newest first, each only where the world still shows it (else you are asked):'),
    ...undoes.flatMap(({ stepId, generation, compensates, undoes: lines, leaves }) => [
      `  ${stepText(stepId, generation)}${compensates === true ? '  its own compensation first' : ''}`,
      ...lines.map((line) =>
        isAsked(line) ? terminal.style('yellow', `    ${line}  (differs now: you are asked about it)`) : `    ${line}`,
      ),
      ...leaves.map(({ what, why }) => terminal.style('yellow', `    stays: ${what}: ${why}`)),
    ]),
  ];
}
