/**
 * Bundles of Workflows for tests. A run of all tests makes each once, in a folder of its own
 * (HOLDFAST_TEST_BUNDLES): webpack takes seconds, and the sources don't change during a run.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { bundleWorkflows, type BundleChoice } from '../../src/worker.ts';

/** As `bundleWorkflows`. */
export async function testBundle(
  workflowsPath?: string,
  choice: BundleChoice = {},
): Promise<WorkflowBundleWithSourceMap> {
  const folder = process.env['HOLDFAST_TEST_BUNDLES'] ?? '';
  if (folder === '') return await bundleWorkflows(workflowsPath, choice);
  const name = createHash('sha256')
    .update(JSON.stringify([workflowsPath, choice.isEncrypted]))
    .digest('hex');
  const file = join(folder, `${name}.json`);
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as WorkflowBundleWithSourceMap;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made = await bundleWorkflows(workflowsPath, choice);
  // Another file's process may be making the same: whichever comes last replaces it whole.
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, JSON.stringify(made));
  renameSync(draft, file);
  return made;
}
