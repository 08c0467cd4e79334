/** Threads of LangGraph.js whose process is killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { HoldfastSaver } from '../../src/langgraph.ts';
import { NODES } from '../support/langgraph-child.ts';
import { thread } from '../support/langgraph.ts';
import { runWell } from '../support/package.ts';

const root = path.join(import.meta.dirname, '../..');
const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-langgraph-kills-'));
after(async () => fs.rm(folder, { recursive: true, force: true }));

/** @param killAfterMs after a node has begun */
async function runChild(location: string, node: number | undefined, killAfterMs: number): Promise<string[]> {
  const program = path.join(root, 'test/support/langgraph-child.ts');
  const child = spawn(process.execPath, [program, location], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line === `begin ${node}`) setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  }
  await closed;
  return lines;
}

test('a thread whose process is killed in a node goes on there and ends as one that was not', async () => {
  const location = path.join(folder, 'threads');
  const expected = `end ${JSON.stringify(['input', ...Array.from({ length: NODES }, (_, node) => `n${node}`)])}`;
  const processes: string[][] = [];
  for (const node of [0, 2, 4, 7]) processes.push(await runChild(location, node, node * 2));
  processes.push(await runChild(location, undefined, 0));
  assert.ok(processes.flat().includes(expected), JSON.stringify(processes));
  const begun = processes.map((lines) =>
    lines.filter((line) => line.startsWith('begin')).map((line) => Number(line.slice(6))),
  );
  for (const [index, nodes] of begun.slice(1).entries())
    for (const node of nodes)
      assert.ok(node >= begun[index]!.at(-1)!, `node ${node} was done: ${JSON.stringify(begun)}`);
  const saver = new HoldfastSaver(location);
  let checkpoints = 0;
  for await (const { checkpoint } of saver.list(thread('t'))) {
    assert.ok(checkpoint.id !== '');
    checkpoints += 1;
  }
  assert.equal(checkpoints, NODES + 2);
  await saver.end();
});

test('the example: its process is killed in a node, and the next one goes on from there', async () => {
  const example = path.join(root, 'examples/langgraph');
  const place = path.join(folder, 'example');
  const args = ['--conditions=holdfast-source', 'run.ts'];
  const output = await runWell(process.execPath, args, example, { CHECKPOINTS: place });
  const lines = output.split('\n').map((line) => line.trim());
  const said = (line: string): number => lines.filter((one) => one === line).length;
  assert.deepEqual(
    ['gather …', 'analyse …', 'report …', '(SIGKILL)', 'The thread is there; next is analyse.'].map(said),
    [1, 2, 1, 1, 1],
  );
  assert.match(output, /begun; three sources; 3 sources agree; as of \d{4}-\d\d-\d\d\n/);
});
