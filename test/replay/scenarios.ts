/**
 * Real runs whose histories are recorded. A scenario is never changed once its history is recorded; a new behaviour
 * gets a new one. `node test/replay/record-histories.ts NAME` records.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { base, decision, write, type Scenario } from './scenario.ts';
import { AGENTS } from './scenarios-agents.ts';
import { ENDINGS } from './scenarios-ending.ts';
import { FLOWS } from './scenarios-flow.ts';
import { LISTS } from './scenarios-lists.ts';
import { STATES } from './scenarios-state.ts';
import { SUB_PLANS } from './scenarios-sub-plans.ts';
import { UNTAKEN } from './scenarios-untaken.ts';
import { VERSIONS } from './scenarios-versions.ts';

const table = {
  id: 'table',
  use: 'db.sql',
  with: { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)', writes: ['note'] },
};
/** The input of a finished step changes during a pause; the person has the step run again. */
const RERUN_BY_UPDATE: Scenario = {
  input: {
    plan: {
      ...base,
      name: 'rerun',
      verifyAfterMinutes: 0.005,
      steps: [
        { id: 'copy', use: 'file.copy', with: { from: 'input.txt', to: 'copy.txt' } },
        { id: 'pause', use: 'wait', with: { seconds: 2 }, needs: ['copy'] },
        write('b', ['pause']),
      ],
    },
  },
  before: (workspace) => {
    mkdirSync(workspace, { recursive: true });
    writeFileSync(join(workspace, 'input.txt'), 'first');
  },
  during: async (handle, workspace) => {
    await untilStatus(handle, (status) => status.steps.some(({ id, state }) => id === 'copy' && state === 'done'));
    writeFileSync(join(workspace, 'input.txt'), 'second');
    const question = await untilAsked(handle);
    await handle.executeUpdate('decide', { args: [decision(question.digest, 'rerun')] });
  },
};

/** More than run at once. */
const WIDE = Array.from({ length: 52 }, (_, index) => ({
  id: `s${index}`,
  use: 'file.remove',
  with: { path: `absent-${index}` },
}));

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...AGENTS,
  ...ENDINGS,
  ...LISTS,
  ...FLOWS,
  ...STATES,
  ...SUB_PLANS,
  ...UNTAKEN,
  ...VERSIONS,
  'parallel-steps-and-a-wait': {
    input: {
      plan: {
        ...base,
        name: 'parallel',
        state: { files: { reducer: 'append' } },
        steps: [
          table,
          { ...write('a', ['table']), state: { files: '${{ output.path }}' } },
          { ...write('b', ['table']), state: { files: '${{ output.path }}' } },
          { id: 'pause', use: 'wait', with: { seconds: 1 }, needs: ['a', 'b'] },
          {
            id: 'row',
            use: 'db.upsert',
            with: { database: 'main', table: 'note', rows: [{ id: 1, text: '${{ steps.a.output.digest }}' }] },
            needs: ['pause'],
          },
        ],
      },
    },
  },
  'drift-restored-by-signal': {
    input: {
      plan: {
        ...base,
        name: 'drift',
        verifyAfterMinutes: 0.005,
        steps: [write('a'), { id: 'pause', use: 'wait', with: { seconds: 2 }, needs: ['a'] }, write('b', ['pause'])],
      },
    },
    during: async (handle, workspace) => {
      await untilStatus(handle, (status) => status.steps.some(({ id, state }) => id === 'a' && state === 'done'));
      writeFileSync(join(workspace, 'a.txt'), 'edited');
      await handle.signal('decide', { nonsense: true });
      const question = await untilAsked(handle);
      await handle.signal('decide', decision(question.digest, 'restore'));
    },
  },
  'drift-rerun-by-update': RERUN_BY_UPDATE,
  'rerun-voids-a-waiting-step': RERUN_BY_UPDATE,
  'approval-rejected-then-approved': {
    input: { plan: { ...base, name: 'approval', steps: [{ ...write('a'), approval: 'before-apply' }] } },
    during: async (handle) => {
      const first = await untilAsked(handle);
      await handle.signal('decide', decision(first.digest, 'reject'));
      const second = await untilStatus(
        handle,
        (status) => status.questions.length > 0 && status.questions[0]!.digest !== first.digest,
      );
      await handle.signal('decide', decision(second.questions[0]!.digest, 'approve'));
    },
  },
  'aborted-by-a-person': {
    input: { plan: { ...base, name: 'aborted', steps: [{ ...write('a'), approval: 'before-apply' }] } },
    during: async (handle) => {
      const question = await untilAsked(handle);
      await handle.signal('decide', decision(question.digest, 'abort'));
    },
  },
  'continued-as-new-first-run': {
    input: {
      continueAsNewAfterEvents: 20,
      plan: { ...base, name: 'long', steps: [write('a'), write('b', ['a']), write('c', ['b'])] },
    },
    run: 'first',
  },
  'continued-as-new-last-run': {
    input: {
      continueAsNewAfterEvents: 20,
      plan: { ...base, name: 'long', steps: [write('a'), write('b', ['a']), write('c', ['b'])] },
    },
  },
  'carried-as-an-argument-last-run': {
    input: {
      continueAsNewAfterEvents: 20,
      plan: { ...base, name: 'long', steps: [write('a'), write('b', ['a']), write('c', ['b'])] },
    },
  },
  'a-wide-super-step-at-once': { input: { plan: { ...base, databases: {}, name: 'wide', steps: WIDE } } },
  'a-wide-super-step-in-a-window': { input: { plan: { ...base, databases: {}, name: 'wide', steps: WIDE } } },
  'cancelled-while-waiting': {
    input: {
      plan: {
        ...base,
        name: 'cancelled',
        steps: [write('a'), { id: 'pause', use: 'wait', with: { seconds: 600 }, needs: ['a'] }],
      },
    },
    during: async (handle) => {
      await untilStatus(handle, (status) => status.steps.some(({ id, state }) => id === 'a' && state === 'done'));
      await handle.cancel();
    },
  },
  'input-without-a-value-is-asked-about': {
    input: {
      input: {},
      plan: {
        ...base,
        name: 'no-value',
        steps: [
          { id: 'query', use: 'db.query', with: { database: 'main', sql: 'SELECT 1 AS one' } },
          { id: 'b', use: 'file.write', with: { path: 'b.txt', content: '${{ steps.query.output.rows[7].one }}' } },
        ],
      },
    },
    during: async (handle) => {
      const first = await untilAsked(handle);
      await handle.signal('decide', decision(first.digest, 'rerun'));
      const second = await untilStatus(
        handle,
        (status) => status.questions.length > 0 && status.questions[0]!.digest !== first.digest,
      );
      await handle.signal('decide', decision(second.questions[0]!.digest, 'abort'));
    },
  },
  'input-without-a-value-failed-the-job': {
    input: {
      input: {},
      plan: {
        ...base,
        name: 'no-value',
        steps: [
          { id: 'query', use: 'db.query', with: { database: 'main', sql: 'SELECT 1 AS one' } },
          { id: 'b', use: 'file.write', with: { path: 'b.txt', content: '${{ steps.query.output.rows[7].one }}' } },
        ],
      },
    },
  },
};
