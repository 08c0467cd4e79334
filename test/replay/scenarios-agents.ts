/** Agents, and what an agent whose model is not recorded brings about: a new Run that asks otherwise. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { decision, type Scenario } from './scenario.ts';

export const AGENTS: Readonly<Record<string, Scenario>> = {
  'an-agent-that-is-told-of-an-edit': {
    workflow: 'agentInAJob',
    input: {},
    during: async (handle, workspace) => {
      const first = await untilAsked(handle);
      await handle.signal('decide', decision(first.digest, 'approve'));
      const isNew = new Set([first.digest]);
      const second = await untilStatus(handle, ({ questions }) => questions.some(({ digest }) => !isNew.has(digest)));
      writeFileSync(join(workspace, 'a.txt'), 'edited');
      const asked = second.questions.find(({ digest }) => !isNew.has(digest))!;
      await handle.signal('decide', decision(asked.digest, 'approve'));
      isNew.add(asked.digest);
      const third = await untilStatus(handle, ({ questions }) => questions.some(({ digest }) => !isNew.has(digest)));
      const edited = third.questions.find(({ digest }) => !isNew.has(digest))!;
      await handle.signal('decide', decision(edited.digest, 'accept'));
    },
  },
  // Of version 0.1 and its followers, whose Runs carried no marks of what they had requested.
  'a-new-run-gave-another-input-unnoticed': { workflow: 'givesAnotherInputInANewRun', input: {} },
  'a-new-run-that-gives-another-input-asks': {
    workflow: 'givesAnotherInputInANewRun',
    input: {},
    during: async (handle) => {
      const question = await untilAsked(handle);
      await handle.signal('decide', decision(question.digest, 'abort'));
    },
  },
};
