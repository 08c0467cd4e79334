/**
 * Commands over a tree of 2,000 files, undone: the tree is as it was, byte for byte, modes, links and empty folders
 * included.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTestJob, QuestionAsked } from '../../src/testing.ts';
import { filesIn } from './support/kill-run.ts';
import { shell, shellSteps } from '../support/command-step.ts';

const FILES = 2_000;

function makeTree(root: string): void {
  for (let index = 0; index < FILES; index++) {
    const folder = join(root, `part-${index % 40}`, `${index % 7}`);
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `file-${index}.txt`);
    writeFileSync(path, `line one of ${index}\nneedle\n${'x'.repeat(index % 200)}`);
    chmodSync(path, [0o644, 0o600, 0o755, 0o444][index % 4]!);
    if (index % 100 === 0) symlinkSync(`file-${index}.txt`, join(folder, `link-${index}`));
  }
  mkdirSync(join(root, 'empty'));
  chmodSync(join(root, 'part-3'), 0o700);
  writeFileSync(join(root, '.gitignore'), 'ignored.txt\n');
  writeFileSync(join(root, 'ignored.txt'), 'not in git, and not lost\n');
}

/** Commands that change the whole tree, as people type them in a shell. */
const COMMANDS = [
  "find . -name '*.txt' -type f -exec sed -i 's/needle/found/' {} +",
  'git init -q && git add -A && git -c user.name=a -c user.email=a@example.com commit -qm all',
  "rm -r part-1 part-2 empty && find part-3 -type f -exec chmod 600 {} + && find . -name 'link-*' -exec " +
    "ln -sfn nowhere {} ';' && chmod 755 part-3 && mv part-4 moved && mkdir -p new/er && echo new > " +
    'new/er/file',
];

test(
  'commands that change a tree of 2,000 files are undone: every byte, mode, link and folder is as before',
  { timeout: 300_000 },
  async (t) => {
    const workspace = mkdtempSync(join(tmpdir(), 'holdfast-undo-tree-'));
    try {
      makeTree(workspace);
      const before = filesIn(workspace);
      await using job = openTestJob({ workspace, steps: shellSteps });
      for (const run of COMMANDS) {
        await job
          .step(shell, { run, options: { env: { HOME: '/nonexistent' } } })
          .catch((error: unknown) =>
            assert.fail(error instanceof QuestionAsked ? error.question.findings[0]!.difference : String(error)),
          );
        assert.notDeepEqual(filesIn(workspace), before);
      }
      const started = performance.now();
      const report = await job.undo();
      t.diagnostic(`undone in ${Math.round(performance.now() - started)} ms: ${report.effects}`);
      assert.deepEqual(report.left, []);
      assert.deepEqual(filesIn(workspace), before);
    } finally {
      rmSync(workspace, { recursive: true, force: true });
    }
  },
);
