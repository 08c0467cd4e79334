/**
 * Agents on the AI SDK, in Workflows on a real server, with a model behind real HTTP: how often the model is asked, and
 * how a conversation ends that a person ends.
 */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { answerText } from '../../src/model/question/answer-text.ts';
import type { Question } from '../../src/model/question/question.ts';
import { untilAsked, untilStatus } from '../support/job-status.ts';
import { untilTrue } from '../support/until.ts';
import { call, PlayedAgents, turn } from '../support/agent-jobs.ts';

const LIMIT = { timeout: 60_000 };
const ABORT = { by: 'ada', reason: 'enough' };
const agents = new PlayedAgents();
await agents.temporal;

test(
  'where a person lets a tool call run again, the model is asked from there on, and nothing before',
  LIMIT,
  async () => {
    const workspace = 'rerun';
    const turns = [
      turn(call('write', { path: 'b', text: 'b\n' })),
      turn(call('read', { path: 'a.txt' })),
      turn(call('ask', { question: 'On?' })),
      turn(),
    ];
    let asked = 0;
    let rerun: string | undefined;
    const played = await agents.play(workspace, turns, ({ kind, findings: [finding] }) => {
      if (kind !== 'approval') {
        rerun = answerText(finding!, 'rerun');
        return { answer: 'rerun', reason: 'read it again' };
      }
      asked += 1;
      writeFileSync(join(agents.root, workspace, 'a.txt'), 'second\n');
      return { answer: 'approve', reason: 'on' };
    });
    assert.deepEqual(played.asked, [1, 2, 3, 3, 4]);
    assert.match(rerun ?? '', /^a\.txt stays as it is now\. /, 'a file that was only read is not made anew');
    assert.equal(asked, 1, 'the answer of a person counts for the same question');
    assert.match(played.told, /second/);
    assert.doesNotMatch(played.told, /first/);
  },
);

/** As the plugin of the AI SDK asks it: nothing of it is in the record. */
test('a watched model is asked in turns and told what people changed', LIMIT, async () => {
  const workspace = 'watched';
  const turns = [turn(call('read', { path: 'a.txt' })), turn(call('ask', { question: 'On?' })), turn()];
  const answer = ({ kind }: Question): { answer: string; reason: string } => {
    if (kind !== 'approval') return { answer: 'accept', reason: 'I did that' };
    writeFileSync(join(agents.root, workspace, 'a.txt'), 'second\n');
    return { answer: 'approve', reason: 'on' };
  };
  const played = await agents.play(workspace, turns, answer, { isWatched: true });
  assert.deepEqual(played.asked, [1, 2, 3]);
  assert.match(played.told, /file:a\.txt: somebody changed it, and it stays so \(ada: I did that\)/);
  assert.match(
    played.told,
    /what it was cannot be shown: of a file that was only read the record keeps the digest alone/,
  );
});

test(
  'a watched model is asked from the first turn when its Workflow starts anew; where it calls otherwise, a person is',
  LIMIT,
  async () => {
    const turns = [
      turn(call('write', { path: 'b', text: ['1\n', '2\n', '3\n', '4\n', '5\n', '6\n'] })),
      turn(call('ask', { question: 'On?' })),
      turn(call('ask', { question: 'And on?' })),
      turn(),
    ];
    const handle = await agents.start('watched-anew', turns, { isWatched: true, continueAsNewAfterEvents: 20 });
    const approved = new Set<string>();
    const isOpen = ({ digest }: Question): boolean => !approved.has(digest);
    for (;;) {
      const { questions } = await untilStatus(handle, (status) => status.questions.some(isOpen));
      const question = questions.find(isOpen)!;
      if (question.kind !== 'approval') {
        assert.match(question.findings[0]!.found.text, /Step agent\/1\.1\/write is recorded with other arguments/);
        break;
      }
      approved.add(question.digest);
      await handle.signal('decide', { digest: question.digest, answer: 'approve', by: 'ada', reason: 'on' });
    }
    assert.ok(agents.asked.filter((one) => one === 1).length > 1);
    const asked = agents.asked.length;
    await handle.signal('abort', ABORT);
    await assert.rejects(handle.result());
    assert.equal(agents.asked.length, asked, 'the model is asked no further');
  },
);

type End = (handle: WorkflowHandle) => Promise<void>;
const ENDS: readonly (readonly [how: string, end: End, status: string, isUndone: boolean])[] = [
  ['an abort', async (handle) => await handle.signal('abort', ABORT), 'FAILED', false],
  [
    'an abort with compensate',
    async (handle) => await handle.signal('abort', { ...ABORT, compensate: true }),
    'FAILED',
    true,
  ],
  ['a cancellation', async (handle) => void (await handle.cancel()), 'CANCELLED', false],
];

for (const [how, end, status, isUndone] of ENDS)
  for (const when of ['while the model is asked', 'while a person is asked'])
    test(`${how} ${when} ends an agent's job; the model is asked no further`, LIMIT, async () => {
      const isModelAsked = when === 'while the model is asked';
      const workspace = `${how}-${when}`.replaceAll(' ', '-');
      const answered = Promise.withResolvers<void>();
      const turns = [turn(call('write', { path: 'b', text: 'b\n' })), turn(call('ask', { question: 'On?' })), turn()];
      const handle = await agents.start(workspace, turns);
      agents.server.beforeAnswer = async (asked) => {
        if (isModelAsked && asked === 2) await answered.promise;
      };
      if (isModelAsked) await untilTrue(() => agents.asked.length === 2);
      else await untilAsked(handle);
      await end(handle);
      await assert.rejects(handle.result());
      answered.resolve();
      assert.equal((await handle.describe()).status.name, status);
      assert.equal(existsSync(join(agents.root, workspace, 'out/b')), !isUndone);
      // For as long as another request would take.
      await delay(500);
      assert.deepEqual(agents.asked, [1, 2]);
    });
