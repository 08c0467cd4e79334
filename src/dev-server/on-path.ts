/** The first program of this name on PATH. */
import { programOnPath } from '../effects/processes/find-program.ts';

export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return programOnPath(process.platform === 'win32' ? `${name}.exe` : name, process.cwd(), env['PATH']);
}
