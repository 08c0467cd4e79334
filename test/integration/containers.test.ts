/**
 * Workers in containers of one machine that share a workspace: each counts processes apart, under a host name of its
 * own. Nobody takes another's running command for a dead one's, and what a dead one left is removed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { removeDeadCommands } from '../../src/effects/processes/command-folder.ts';
import { thisProcess } from '../../src/store/life/process-identity.ts';
import { leftCopies, startCommand } from '../support/command-run.ts';
import { withoutContainers } from '../support/container.ts';
import { killed } from '../support/child-process.ts';
import { freshMemory } from '../support/fresh-memory.ts';
import { untilTrue } from '../support/until.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-containers-'));
after(() => rmSync(root, { recursive: true, force: true }));

const COUNTING = 'touch OUTSIDE/started; until [ -e OUTSIDE/go-on ]; do sleep 0.05; done; ls docs | wc -l > count.out';

/** A command on a copy in a container that counts what is in its copy, when it may. */
async function startCounting(name: string): Promise<{
  readonly workspace: string;
  readonly started: ReturnType<typeof startCommand>;
}> {
  const outside = join(root, name);
  const workspace = join(outside, 'workspace');
  mkdirSync(join(workspace, 'docs'), { recursive: true });
  for (const page of ['a', 'b', 'c']) writeFileSync(join(workspace, 'docs', page), page);
  const run = COUNTING.replaceAll('OUTSIDE', outside);
  const started = startCommand({ workspace, run, memory: freshMemory(name) }, { host: 'hosta' });
  await untilTrue(() => existsSync(join(outside, 'started')));
  return { workspace, started };
}

test(
  'a command that runs in another container keeps its copy, whoever looks for leftovers meanwhile',
  { skip: withoutContainers },
  async () => {
    const { workspace, started } = await startCounting('running');
    await removeDeadCommands(join(workspace, '.holdfast'));
    writeFileSync(join(workspace, '../go-on'), '');
    const end = await started.end;
    assert.ok(end !== undefined && 'output' in end, JSON.stringify(end));
    assert.equal(readFileSync(join(workspace, 'count.out'), 'utf8').trim(), '3');
    assert.deepEqual(leftCopies(workspace), []);
  },
);

test(
  'what a container’s worker left is removed once it is dead, though its processes are counted apart',
  { skip: withoutContainers },
  async () => {
    const { workspace, started } = await startCounting('dead');
    assert.equal(leftCopies(workspace).length, 3);
    await killed(started.child);
    await untilTrue(async () => {
      await removeDeadCommands(join(workspace, '.holdfast'));
      return leftCopies(workspace).length === 0;
    });
  },
);

test('a note without a lock, as version 0.1 wrote it, is judged by what is proved of its process', async () => {
  const commands = join(mkdtempSync(join(root, 'noted-')), '.holdfast/commands');
  mkdirSync(commands, { recursive: true });
  const self = thisProcess();
  const gone = spawnSync('true').pid;
  const owners = {
    alive: self,
    'host-renamed': { ...self, host: 'another-network' },
    'other-container': { ...self, pid: gone, pidNamespace: 'pid:[1]', host: 'other' },
    'boot-unknown': { ...self, pid: gone, bootId: 'unknown-1', host: 'other' },
    ended: { ...self, pid: gone },
    'earlier-boot': { ...self, bootId: 'earlier' },
  };
  for (const [name, owner] of Object.entries(owners)) {
    mkdirSync(join(commands, name));
    writeFileSync(join(commands, `${name}.json`), JSON.stringify({ owner, step: 'x' }));
  }
  writeFileSync(join(commands, 'being-written.json'), '');
  writeFileSync(join(commands, 'could-not-be-written.json'), '');
  utimesSync(join(commands, 'could-not-be-written.json'), 1_600_000_000, 1_600_000_000);
  await removeDeadCommands(join(commands, '..'));
  assert.deepEqual(
    leftCopies(join(commands, '../..')).filter((name) => name.endsWith('.json')),
    ['alive.json', 'being-written.json', 'boot-unknown.json', 'host-renamed.json', 'other-container.json'],
  );
});
