/** Finds a program of this machine for the development server. */
import path from 'node:path';
import { foldersOnPath, isProgram } from '../effects/processes/find-program.ts';

/** The first program of this name on `PATH`, by the path that its folder has there: relative where that is relative. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  return foldersOnPath(env['PATH'])
    .map((folder) => path.join(folder, file))
    .find(isProgram);
}
