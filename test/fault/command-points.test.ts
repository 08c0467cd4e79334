/**
 * A worker is killed by SIGKILL at each fault point of running a command and of applying what it made: before the
 * application begins, the workspace has no change of the command; the successor ends with all of them.
 * `HOLDFAST_KILLS=all`: at every
 * hit.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { CommandOrder } from '../support/command-child.ts';
import { EVERY_CHANGE, leftCopies, prepareTree, runCommand } from '../support/command-run.ts';
import { filesIn } from './support/kill-run.ts';
import { freshMemory } from '../support/fresh-memory.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-command-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Before this point the workspace may have no change of the command. */
const FIRST_OF_APPLYING = 'applying.after';

async function killEverywhere(
  files: number,
  chooseHits: (count: number) => readonly number[],
  only?: (point: string) => boolean,
): Promise<void> {
  const reference = prepareTree(root, 'reference', files);
  const before = filesIn(reference);
  const hitsPath = join(root, `hits-${files}`);
  const order = (workspace: string): CommandOrder => ({
    workspace,
    run: EVERY_CHANGE,
    memory: freshMemory(`kills-${files}`),
  });
  const end = await runCommand({ ...order(reference), hits: hitsPath });
  assert.ok(end !== undefined && 'output' in end, JSON.stringify(end));
  const wanted = filesIn(reference);
  assert.notDeepEqual(wanted, before);
  const hits = readFileSync(hitsPath, 'utf8').trim().split('\n');
  const applyingFrom = hits.indexOf(FIRST_OF_APPLYING);
  const counts = new Map<string, number>();
  for (const point of hits) counts.set(point, (counts.get(point) ?? 0) + 1);
  const kills = [...counts]
    .filter(([point]) => only?.(point) ?? true)
    .flatMap(([point, count]) => chooseHits(count).map((hit) => ({ point, hit })));
  const placeOf = ({ point, hit }: { readonly point: string; readonly hit: number }): number =>
    hits.flatMap((name, index) => (name === point ? [index] : []))[hit - 1]!;
  const failures: string[] = [];
  const total = kills.length;
  const runNext = async (): Promise<void> => {
    for (let kill = kills.shift(); kill !== undefined; kill = kills.shift()) {
      const at = kill;
      try {
        const workspace = prepareTree(root, 'killed', files);
        assert.equal(await runCommand({ ...order(workspace), kill: at }), undefined, 'it was to be killed there');
        if (placeOf(at) < applyingFrom)
          assert.deepEqual(withoutOurs(filesIn(workspace)), before, 'nothing of it is there');
        const then = await runCommand(order(workspace));
        assert.ok(then !== undefined && 'output' in then, JSON.stringify(then));
        assert.deepEqual(filesIn(workspace), wanted, 'all of it is there');
        assert.deepEqual(leftCopies(workspace), []);
        rmSync(workspace, { recursive: true });
      } catch (error) {
        failures.push(`hit ${at.hit} of ${at.point}: ${(error as Error).message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, runNext));
  assert.ok(total > 10, `${total} kills`);
  assert.deepEqual(failures, []);
}

/** Without the files that are prepared beside their targets: their names begin with `.holdfast`. */
function withoutOurs(files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).filter(([path]) => !path.split('/').some((part) => part.startsWith('.holdfast'))),
  );
}

test('a command killed at any fault point, also while it is applied, ends with all of its changes', async () => {
  await killEverywhere(
    12,
    process.env['HOLDFAST_KILLS'] === 'all'
      ? (count) => Array.from({ length: count }, (_, index) => index + 1)
      : (count) => [...new Set([1, count])],
  );
});

test('the same where so many files are changed that they are committed in batches', async () => {
  await killEverywhere(
    180,
    (count) => [...new Set([Math.ceil(count / 3), count])],
    (point) =>
      point.startsWith('commit.') ||
      point.startsWith('fsync-folder') ||
      point.startsWith('rename') ||
      point.startsWith('record'),
  );
});
