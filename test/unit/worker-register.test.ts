/** What workers of a host note for their successors, and what happens when they start and end beside each other. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { WorkerRegister } from '../../src/store/register/register.ts';
import type { Attempt } from '../../src/store/register/folder.ts';

const SERVER = '127.0.0.1:7233';
const ATTEMPT: Attempt = {
  taskToken: new Uint8Array([1, 2, 3]),
  namespace: 'default',
  workflowId: 'job',
  runId: 'run',
};

let state: string;
let opened: WorkerRegister[];

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'holdfast-register-'));
  opened = [];
});

afterEach(() => {
  mock.restoreAll();
  for (const register of opened) register.close();
  rmSync(state, { recursive: true, force: true });
});

const siblings = (): string => join(state, 'workers', encodeURIComponent(SERVER));

function open(): WorkerRegister {
  const register = WorkerRegister.open(state, SERVER);
  opened.push(register);
  return register;
}

/** Does something the next time that a worker is about to lock its own new register. */
function beforeLocking(act: (directory: string) => void): void {
  const there = new Set(readdirSync(siblings()));
  const { value: prepare } = Object.getOwnPropertyDescriptor(DatabaseSync.prototype, 'prepare') as {
    readonly value: (this: DatabaseSync, text: string) => StatementSync;
  };
  let isArmed = true;
  mock.method(DatabaseSync.prototype, 'prepare', function (this: DatabaseSync, text: string) {
    if (isArmed && text.includes('BEGIN EXCLUSIVE')) {
      isArmed = false;
      act(
        join(
          siblings(),
          readdirSync(siblings()).find((name) => !there.has(name))!,
        ),
      );
    }
    return prepare.call(this, text);
  });
}

/** Another process opens a register, notes an attempt and is killed. */
function dieWithAnAttempt(): void {
  const register = new URL('../../src/store/register/register.ts', import.meta.url).href;
  const source = `
    import { WorkerRegister } from ${JSON.stringify(register)};
    const attempt = { taskToken: new Uint8Array([1]), namespace: 'default', workflowId: 'job', runId: 'run' };
    WorkerRegister.open(${JSON.stringify(state)}, ${JSON.stringify(SERVER)}).begin(attempt);
    process.kill(process.pid, 'SIGKILL');`;
  assert.equal(spawnSync(process.execPath, ['--input-type=module', '--eval', source]).signal, 'SIGKILL');
}

test('what a dead worker had in hand is taken once; a living one is left alone', () => {
  const living = open();
  living.begin(ATTEMPT);
  dieWithAnAttempt();
  const successor = open();
  assert.deepEqual(
    successor.takeDead().map(({ attempts }) => attempts.map(({ workflowId }) => workflowId)),
    [['job']],
  );
  assert.deepEqual(successor.takeDead(), []);
  assert.equal(readdirSync(siblings()).length, 2);
});

test('a worker that is taken for dead before it has its lock makes another register', () => {
  const other = open();
  beforeLocking(() => assert.deepEqual(other.takeDead(), [{ attempts: [], workflows: [] }]));
  const late = open();
  late.begin(ATTEMPT);
  assert.deepEqual(other.takeDead(), [], 'the new one is locked');
  assert.equal(readdirSync(siblings()).length, 2, 'nothing is left of the first');
});

test('a worker whose new register another holds at that moment makes another', () => {
  open();
  let holder: DatabaseSync | undefined;
  beforeLocking((directory) => {
    holder = new DatabaseSync(join(directory, 'alive.sqlite'));
    holder.exec('BEGIN EXCLUSIVE');
  });
  const late = open();
  late.begin(ATTEMPT);
  holder!.close();
  const successor = open();
  assert.deepEqual(successor.takeDead(), [{ attempts: [], workflows: [] }], 'what it gave up is removed');
  assert.equal(readdirSync(siblings()).length, 3);
});
