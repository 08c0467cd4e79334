/**
 * A worker process that makes a call, killed by SIGKILL at every point of it: its successor makes the call take effect
 * once, or asks a person. The endpoint counts effects, and honours keys only where the step relies on them.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { FAULT_POINTS } from '../../src/store/fault-point.ts';
import type { Question } from '../../src/model/question/question.ts';
import { answerOf, startChild } from '../support/child-process.ts';
import { CountingServer } from '../support/counting-server.ts';
import { freshMemory } from '../support/fresh-memory.ts';
import { carryOut, type InDoubt, type PerformEnd, type PerformOrder } from '../support/perform-child.ts';

const CHILD = new URL('../support/perform-child.ts', import.meta.url).pathname;
const root = mkdtempSync(join(tmpdir(), 'holdfast-perform-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Undefined: the worker was killed. `whenSent`: the test kills it when the endpoint has the request. */
async function runProcess(
  order: PerformOrder,
  whenSent?: { readonly server: CountingServer },
): Promise<PerformEnd | undefined> {
  const started = startChild({ script: CHILD, role: 'perform', order, compiled: join(root, 'compiled') });
  const watching =
    whenSent === undefined
      ? undefined
      : setInterval(() => whenSent.server.requests.length > 0 && started.process.kill('SIGKILL'), 5);
  try {
    return await answerOf<PerformEnd>(started);
  } finally {
    clearInterval(watching);
  }
}

interface Killed {
  readonly inDoubt: InDoubt;
  readonly point: string;
  /** Whether the call is in doubt for the successor. */
  readonly inDoubtAfter: boolean;
  /** The number of requests that the endpoint gets in all. */
  readonly requests: number;
}

/** After which points the request has been answered, and whether the ledger says so. */
const HAPPENED = new Set(['perform.call-after', 'perform.done-before', 'perform.done-after', 'sent']);
const KNOWN = new Set(['perform.about-before', 'perform.done-after', 'perform.withdrawn-after']);

function expectationOf(inDoubt: InDoubt, point: string): Killed {
  const inDoubtAfter = !KNOWN.has(point);
  const isRepeated = inDoubt === 'repeat' || inDoubt === 'http-repeat' || inDoubt === 'http-get';
  const isRefused = inDoubt.startsWith('http-') && point.startsWith('perform.withdrawn');
  return {
    inDoubt,
    point,
    inDoubtAfter,
    requests: (HAPPENED.has(point) && inDoubtAfter && isRepeated) || isRefused ? 2 : 1,
  };
}

async function killAt(inDoubt: InDoubt, point: string): Promise<void> {
  const { inDoubtAfter, requests } = expectationOf(inDoubt, point);
  await using server = await CountingServer.start();
  server.honoursKeys = inDoubt === 'repeat' || inDoubt === 'http-repeat';
  // Here the endpoint refuses the call, not the code.
  if (inDoubt.startsWith('http-') && point.startsWith('perform.withdrawn')) server.next('too-many');
  const workspace = mkdtempSync(join(root, `${inDoubt}-`));
  const order: PerformOrder = { workspace, url: server.url, inDoubt, memory: freshMemory(`${inDoubt}-${point}`) };
  if (point === 'sent') {
    server.next('slow');
    server.slowMs = 5_000;
  }
  const killed = await runProcess(
    {
      ...order,
      ...(point === 'sent' ? {} : { kill: { point, hit: 1 } }),
      ...(point.startsWith('perform.withdrawn') ? { refuse: true } : {}),
    },
    point === 'sent' ? { server } : undefined,
  );
  assert.equal(killed, undefined, `it was to be killed at ${point}, and ended with ${JSON.stringify(killed)}`);
  // The successor may be this process: it isn't killed.
  let end: PerformEnd = await carryOut(order);
  const isAsked = inDoubtAfter && (inDoubt === 'ask' || inDoubt === 'http-ask');
  assert.equal('question' in end, isAsked, JSON.stringify(end));
  if ('question' in end) {
    const key = keyIn(end.question);
    // The person looks up the call at the endpoint.
    const answer = server.answerOf(key);
    end = await carryOut({
      ...order,
      decide: answer === undefined ? { answer: 'repeat' } : { answer: 'happened', result: answer as never },
    });
  }
  assert.ok('output' in end, JSON.stringify(end));
  assert.equal(server.requests.length, requests);
  assert.equal(server.effects(), inDoubt === 'http-get' ? 0 : 1, 'it took effect once');
  const [key] = server.keys;
  assert.deepEqual(
    end.output,
    inDoubt === 'http-get' ? { landed: '/look' } : server.answerOf(key!),
    'the step has the answer of the effect',
  );
  assert.deepEqual(JSON.parse(readFileSync(join(workspace, 'receipt.json'), 'utf8')), end.output);
}

function keyIn(question: Question): string {
  const [finding] = question.findings;
  assert.deepEqual(
    [question.kind, finding?.kind, finding?.resource],
    ['in-doubt', 'outcome-unknown', 'perform:pay/charge'],
  );
  assert.match(finding!.difference, /"amount": 7/, 'what was about to be sent is shown');
  return /idempotency key: ([0-9a-f]{64})/.exec(finding!.difference)![1]!;
}

const POINTS = [...FAULT_POINTS.filter((point) => point.startsWith('perform.')), 'sent'];

for (const inDoubt of ['ask', 'repeat', 'probe', 'http-ask', 'http-repeat', 'http-get'] as const) {
  test(`${inDoubt}: a call whose worker is killed at any point takes effect once, or is asked about`, async () => {
    assert.equal(POINTS.length, 9);
    const failures: string[] = [];
    const points = [...POINTS];
    const runNext = async (): Promise<void> => {
      for (let point = points.shift(); point !== undefined; point = points.shift()) {
        const at = point;
        await killAt(inDoubt, at).catch((error: unknown) =>
          failures.push(`killed at ${at}: ${(error as Error).message}`),
        );
      }
    };
    await Promise.all([runNext(), runNext()]);
    assert.deepEqual(failures, []);
  });
}
