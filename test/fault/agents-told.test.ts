/**
 * Agents on the AI SDK, in Workflows on a real server, with a model behind real HTTP: what the model is told, and that
 * a Workflow that starts anew does not change it.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Turn } from '../../examples/agent/model-server.ts';
import { call, PlayedAgents, turn } from '../support/agent-jobs.ts';

const LIMIT = { timeout: 60_000 };
const agents = new PlayedAgents();
await agents.temporal;

const EVENTFUL: readonly Turn[] = [
  turn(
    call('read', { path: 'a.txt' }),
    call('write', { path: 'w', text: 'first\n' }),
    call('write', { path: 'b' }),
    call('failing'),
    call('read', { path: 'none' }),
  ),
  turn(call('write', { path: 'risky', text: 'x' })),
  turn(call('ask', { question: 'Up or down?' })),
  turn(call('write', { path: 'b', text: 'b\n' })),
  turn(),
];

test(
  'a model is told what failed, was rejected and changed; a Workflow that starts anew repeats nothing',
  LIMIT,
  async () => {
    const workspace = 'new-runs';
    const played = await agents.play(
      workspace,
      EVENTFUL,
      ({ stepId, kind }) => {
        if (kind !== 'approval') return { answer: 'accept', reason: 'I did that' };
        if (stepId?.endsWith('/write') === true) return { answer: 'reject', reason: 'too risky' };
        for (const path of ['a.txt', 'out/w']) writeFileSync(join(agents.root, workspace, path), 'second\n');
        return { answer: 'approve', reason: 'Upwards, always.' };
      },
      { continueAsNewAfterEvents: 20 },
    );
    assert.equal(played.hasNewRuns, true);
    assert.deepEqual(played.asked, [1, 2, 3, 4, 5], 'each turn once');
    assert.equal(played.result, 'As I said.');
    assert.deepEqual(agents.failed, ['agent/1.3/failing'], 'what was told to have failed does not happen later');
    assert.equal(existsSync(join(agents.root, workspace, 'out/late')), false);
    assert.equal(existsSync(join(agents.root, workspace, 'out/risky')), false);
    assert.equal(readFileSync(join(agents.root, workspace, 'out/b'), 'utf8'), 'b\n');
    for (const told of [
      /Invalid input for tool write.*text: Invalid input/,
      /It failed, and changed nothing\. Error: no such luck/,
      /It failed, and changed nothing\. [^"]*none/,
      /A person \(ada\) rejected this, and nothing of it was changed\. The reason: too risky/,
      /\\"answer\\":\\"Upwards, always\.\\",\\"by\\":\\"ada\\",\\"yes\\":true/,
      /A person has changed what you work on:.*file:a\.txt: somebody changed it, and it stays so \(ada: I did that\)/,
      /-first.*\+second/,
    ])
      assert.match(played.told, told);
    assert.equal(played.told.split('A person has changed').length, 2, 'told once');
  },
);
