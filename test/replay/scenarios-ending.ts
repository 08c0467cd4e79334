/**
 * Runs in which a person ends the job, or an answer or a cancellation comes late. What happened first in such a
 * schedule is brought about at a fault point, so that each recording has the same order.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { delayAnswerOf, whileHeldAt } from '../support/held.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { untilTrue } from '../support/until.ts';
import { base, decision, write, type Scenario } from './scenario.ts';

const ABORT = { by: 'someone@example.com', reason: 'recorded for replay' };

const untilDone = async (handle: WorkflowHandle, stepId: string): Promise<unknown> =>
  await untilStatus(handle, ({ steps }) => steps.some(({ id, state }) => id === stepId && state === 'done'));

const shown = { ...write('shown'), approval: 'before-apply' };

const LIST = { type: 'object', properties: { list: { type: 'array', minItems: 1 } } };

/** As a program without types may start a job; and a list shorter than its schema says, where nobody looked. */
const UNKNOWN_FIELD: object = {
  plan: { ...base, databases: {}, name: 'misspelled', input: LIST, steps: [write('a')] },
  input: { list: [] },
  inputs: {},
};

export const ENDINGS: Readonly<Record<string, Scenario>> = {
  'aborted-while-a-sibling-waits': {
    input: {
      plan: { ...base, name: 'siblings', steps: [shown, { id: 'pause', use: 'wait', with: { seconds: 3 } }] },
    },
    during: async (handle) => {
      const question = await untilAsked(handle);
      await handle.signal('decide', decision(question.digest, 'abort'));
    },
  },
  'aborted-during-a-repair': {
    input: { plan: { ...base, name: 'repairing', steps: [shown] } },
    during: async (handle) => {
      const question = await untilAsked(handle);
      await whileHeldAt(
        'repair.record-before',
        () => handle.signal('decide', decision(question.digest, 'approve')),
        () => handle.signal('abort', ABORT),
      );
    },
  },
  'undoing-stopped-in-a-later-run': {
    input: {
      continueAsNewAfterEvents: 44,
      plan: {
        ...base,
        name: 'undone',
        steps: [
          write('a'),
          write('b', ['a']),
          write('c', ['b']),
          { id: 'pause', use: 'wait', with: { seconds: 600 }, needs: ['c'] },
        ],
      },
    },
    during: async (handle, workspace) => {
      await untilDone(handle, 'c');
      writeFileSync(join(workspace, 'a.txt'), 'edited');
      await handle.signal('abort', { ...ABORT, compensate: true });
      const question = await untilAsked(handle);
      await handle.signal('abort', ABORT);
      await delay(500);
      await handle.signal('decide', decision(question.digest, 'skip'));
    },
  },
  'aborted-while-a-restart-waits': {
    workflow: 'restartsWhileAStepWaits',
    input: {},
    run: 'first',
    during: async (handle) => {
      await untilAsked(handle);
      await untilDone(handle, 'quick');
      await handle.signal('abort', ABORT);
      await untilAsked(handle);
      await handle.terminate('recorded');
    },
  },
  'cancelled-while-a-restart-waits': {
    workflow: 'restartsWhileAStepWaits',
    input: {},
    run: 'first',
    during: async (handle) => {
      await untilAsked(handle);
      await untilDone(handle, 'quick');
      await handle.cancel();
      await delay(500);
      await untilAsked(handle);
      await handle.terminate('recorded');
    },
  },
  'scope-cancelled-during-a-comparison': {
    workflow: 'givesUpOneOfTwo',
    input: {},
    during: async (handle) => {
      // The Run's first comparison has passed it.
      await delay(500);
      await whileHeldAt(
        'verify.compared',
        () => Promise.resolve(),
        () => handle.signal('give-up'),
      );
    },
  },
  'decided-while-ending': {
    input: { plan: { ...base, name: 'late', steps: [shown] } },
    during: async (handle) => {
      const question = await untilAsked(handle);
      await whileHeldAt(
        'release.before',
        () => handle.signal('abort', ABORT),
        () => handle.signal('decide', decision(question.digest, 'approve')),
      );
    },
  },
  'cancelled-during-the-release': {
    workflow: 'endsAfterAScopeWithALimit',
    input: {},
    during: async (handle) => {
      await whileHeldAt(
        'release.before',
        () => Promise.resolve(),
        () => handle.cancel(),
      );
    },
  },
  'workspace-of-a-running-job': {
    input: { plan: { ...base, name: 'successor', steps: [write('mine')] } },
    before: async (workspace, start) => {
      const holder = await start('holder', {
        workspace,
        plan: {
          ...base,
          name: 'holder',
          steps: [write('theirs'), { id: 'pause', use: 'wait', with: { seconds: 9 }, needs: ['theirs'] }],
        },
      });
      await untilDone(holder, 'theirs');
    },
    during: async (handle) => {
      const question = await untilAsked(handle);
      await delay(10_000);
      await handle.signal('decide', decision(question.digest, 'recheck'));
    },
  },
  'question-that-was-settled-comes-back': {
    input: {
      plan: {
        ...base,
        name: 'overtaken',
        steps: [
          write('a'),
          { id: 'pause', use: 'wait', with: { seconds: 2 }, needs: ['a'] },
          { id: 'copy', use: 'file.copy', with: { from: 'a.txt', to: 'copy.txt' }, needs: ['pause'] },
          {
            id: 'slow',
            use: 'command',
            with: { run: 'sleep 2; touch x', shell: true, paths: ['x'] },
            needs: ['pause'],
          },
        ],
      },
    },
    during: async (handle, workspace) => {
      await untilDone(handle, 'a');
      writeFileSync(join(workspace, 'a.txt'), 'edited');
      const held = delayAnswerOf('slow');
      const question = await untilAsked(handle);
      await untilTrue(held.isHeld);
      await handle.signal('decide', decision(question.digest, 'restore'));
      await untilDone(handle, 'copy');
      held.letGo();
      await untilAsked(handle);
      await handle.signal('decide', { ...decision(question.digest, 'recheck'), reason: 'asked again' });
      await delay(500);
      await handle.signal('abort', ABORT);
    },
  },
  'undoing-decided-after-a-cancellation': {
    input: { plan: { ...base, name: 'undone', steps: [write('a'), { ...shown, needs: ['a'] }] } },
    during: async (handle, workspace) => {
      await untilAsked(handle);
      writeFileSync(join(workspace, 'a.txt'), 'edited');
      await handle.signal('abort', { ...ABORT, compensate: true });
      const { questions } = await untilStatus(handle, (status) => status.questions[0]?.kind === 'undo');
      await handle.cancel();
      await delay(500);
      await handle.signal('decide', decision(questions[0]!.digest, 'skip'));
      await delay(500);
      await handle.signal('abort', ABORT);
    },
  },
  'a-step-beside-a-timer': { workflow: 'stepBesideATimer', input: {} },
  // Recorded with room for one result, and before there was a recall.
  'what-was-left-out-is-requested-again': { workflow: 'needsWhatWasLeftOut', input: {} },
  'unknown-options-passed-over': { workflow: 'givesUnknownOptions', input: {} },
  'unknown-fields-passed-over': { input: UNKNOWN_FIELD },
};
