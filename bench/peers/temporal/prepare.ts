/** The Workflows' bundle, made ahead of time, as Temporal advises for production. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

export async function prepare(_packages: string, folder: string): Promise<string> {
  const workflowsPath = fileURLToPath(new URL('workflows.ts', import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') });
  const file = join(folder, 'temporal-workflows.js');
  writeFileSync(file, code);
  return file;
}
