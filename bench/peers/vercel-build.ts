/** Builds the project as `workflow build` does it, in a folder of its own. */
import { execFile } from 'node:child_process';
import { cp, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const BUILD_LIMIT_MS = 120_000;

export async function prepare(packages: string, folder: string): Promise<string> {
  const project = join(folder, 'vercel-project');
  await cp(fileURLToPath(new URL('vercel/project', import.meta.url)), project, { recursive: true });
  await symlink(packages, join(project, 'node_modules'), 'junction');
  await writeFile(join(project, 'package.json'), '{ "private": true }\n');
  const build = [join(packages, 'workflow/bin/run.js'), 'build'];
  await promisify(execFile)(process.execPath, build, { cwd: project, timeout: BUILD_LIMIT_MS });
  return project;
}
