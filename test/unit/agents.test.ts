/** The parts of an agent that need no server. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import * as z from 'zod';
import { askStep } from '../../src/agents/contracts.ts';
import { Conversation } from '../../src/agents/conversation.ts';
import { asToldToModel } from '../../src/agents/told-to-model.ts';
import { asModelFailure } from '../../src/agents-worker/model-failure.ts';
import { HoldfastError, isFailure } from '../../src/model/failure.ts';
import { defineStep } from '../../src/model/step/step.ts';
import { toolSchema } from '../../src/model/step/tool-schema.ts';

const run = promisify(execFile);
const write = defineStep({
  name: 'file.write',
  description: 'Write a file.',
  input: z.object({ path: z.string().describe('where'), mode: z.number().default(420), folder: z.string() }),
  output: z.object({}),
});

test('a contract is a tool: name, description, JSON Schema of what the model fills in', () => {
  assert.deepEqual(toolSchema(write, { without: ['folder'] }), {
    name: 'file_write',
    description: 'Write a file.',
    inputSchema: {
      type: 'object',
      properties: { path: { type: 'string', description: 'where' }, mode: { type: 'number', default: 420 } },
      required: ['path'],
      additionalProperties: false,
    },
  });
  assert.equal(toolSchema(askStep, { name: 'ask' }).name, 'ask');
});

test('what can be no tool is refused by name', () => {
  const dated = defineStep({ name: 'dated', input: z.object({ at: z.date() }), output: z.any() });
  assert.throws(() => toolSchema(dated), /The input of dated cannot be a tool's: .*[Dd]ate/);
  const text = defineStep({ name: 'text', input: z.string(), output: z.any() });
  assert.throws(() => toolSchema(text), /expected an object with named fields/);
  assert.throws(() => toolSchema(write, { without: ['fodler'] }), /it has no field fodler, only path, mode, folder/);
  assert.throws(() => toolSchema(write, { name: 'a tool' }), /"a tool" cannot be a tool's name/);
});

test('ids come from turn and place alone, calls of a turn run in order, and an end of the job ends all', async () => {
  const conversation = new Conversation('fix');
  const order: string[] = [];
  assert.equal(conversation.nextTurn(), 'fix/1');
  const calls = ['a', 'b'].map((tool) =>
    conversation.call(tool, async (stepId) => {
      order.push(`${stepId} begins`);
      await Promise.resolve();
      order.push(`${stepId} ends`);
    }),
  );
  await Promise.all(calls);
  assert.deepEqual(order, ['fix/1.1/a begins', 'fix/1.1/a ends', 'fix/1.2/b begins', 'fix/1.2/b ends']);
  const restart = new Error('the Workflow starts anew');
  conversation.end(restart);
  await assert.rejects(
    conversation.call('c', () => Promise.resolve(order.push('c'))),
    restart,
  );
  assert.throws(() => conversation.nextTurn(), restart);
  assert.equal(order.length, 4);
});

test('a model is told what a tool failed with, and nothing of what ends or restarts the job', () => {
  const failure = (type: string): ApplicationFailure => ApplicationFailure.create({ type, message: 'Step a: why' });
  assert.equal(asToldToModel('a', failure('step-failed'))?.message, 'It failed, and changed nothing. why');
  for (const error of [failure('aborted'), new CancelledFailure('x'), new Error('x'), new HoldfastError('defect', 'x')])
    assert.equal(asToldToModel('a', error), undefined);
});

test('what a provider answers decides whether it is asked again, when, or a person is', () => {
  const answered = (statusCode: number | undefined, isRetryable: boolean, responseHeaders = {}): unknown =>
    asModelFailure(
      'm',
      Object.assign(new Error('why'), {
        [Symbol.for('vercel.ai.error.AI_APICallError')]: true,
        statusCode,
        isRetryable,
        responseHeaders,
      }),
    );
  const busy = answered(429, true, { 'retry-after': '7' });
  assert.ok(isFailure(busy, 'endpoint-busy') && busy.retryAfterMs === 7_000);
  const soon = answered(503, true, { 'retry-after-ms': '1500' });
  assert.ok(isFailure(soon, 'endpoint-busy') && soon.retryAfterMs === 2_000);
  assert.ok(isFailure(answered(undefined, true), 'endpoint-unreachable'));
  assert.ok(isFailure(answered(500, true), 'endpoint-unreachable'));
  assert.ok(isFailure(answered(401, false), 'http-refused'));
  const other = new Error('no JSON');
  assert.equal(asModelFailure('m', other), other);
});

test('no entry of the package loads the AI SDK', async () => {
  const script = `
    import { registerHooks } from 'node:module';
    registerHooks({
      resolve(specifier, context, next) {
        if (/^(ai|@ai-sdk\\/.*|@temporalio\\/ai-sdk)(\\/|$)/.test(specifier)) throw new Error(specifier + ' is loaded');
        return next(specifier, context);
      },
    });
    const entries = ['', '/workflow', '/worker', '/plugin', '/client', '/testing', '/agents', '/agents/worker'];
    for (const entry of entries) await import('holdfast' + entry);
    const { aiSdkPlugin } = await import('holdfast/agents/worker');
    await aiSdkPlugin({}).catch(({ message, details }) => console.log(message, details.nextStep));
  `;
  const flags = ['--conditions=holdfast-source', '--input-type=module', '--eval', script];
  const { stdout } = await run(process.execPath, flags, { cwd: import.meta.dirname });
  assert.match(stdout, /The AI SDK's plugin cannot be loaded: @temporalio\/ai-sdk is loaded\..* npm install ai /);
});

test('in a folder without the packages of the AI SDK all entries load, and the plugin says what to type', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-without-ai-'));
  const checkout = path.join(import.meta.dirname, '../..');
  const link = (from: string, without: readonly string[]): void => {
    mkdirSync(path.join(folder, from), { recursive: true });
    for (const name of readdirSync(path.join(checkout, from)))
      if (!without.includes(name))
        symlinkSync(realpathSync(path.join(checkout, from, name)), path.join(folder, from, name));
  };
  try {
    for (const part of ['src', 'package.json'])
      cpSync(path.join(checkout, part), path.join(folder, part), { recursive: true });
    link('node_modules', ['ai', '@ai-sdk', '@temporalio', 'holdfast']);
    link('node_modules/@temporalio', ['ai-sdk']);
    const script = `
      for (const entry of ['', '/workflow', '/worker', '/plugin', '/agents']) await import('holdfast' + entry);
      const { aiSdkPlugin } = await import('holdfast/agents/worker');
      await aiSdkPlugin({}).catch(({ type, message, details }) => console.log(type, message, details.nextStep));
    `;
    const flags = ['--conditions=holdfast-source', '--input-type=module', '--eval', script];
    const { stdout } = await run(process.execPath, flags, { cwd: folder });
    assert.match(stdout, /^bad-input The AI SDK's plugin cannot be loaded: Cannot find package '@temporalio\/ai-sdk'/);
    assert.match(stdout, /Type: npm install ai @ai-sdk\/mcp @ai-sdk\/provider @temporalio\/ai-sdk$/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
