/** The Workflows' bundle, made ahead of time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflows } from '../../../src/worker.ts';

export async function prepare(_packages: string, folder: string): Promise<string> {
  const { code } = await bundleWorkflows(fileURLToPath(new URL('five-workflows.ts', import.meta.url)));
  const file = join(folder, 'holdfast-workflows.js');
  writeFileSync(file, code);
  return file;
}
