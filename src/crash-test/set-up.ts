/** The set-up file of a crash test: the test reads it, and so does each of its workers, for its steps. */
import { loadModule } from '../config.ts';
import { HoldfastError } from '../model/failure.ts';
import type { CrashTestSetUp } from './options.ts';

/** @throws HoldfastError `bad-input` */
export async function loadSetUp(file: string): Promise<CrashTestSetUp> {
  const { default: setUp } = await loadModule(file);
  if (typeof setUp === 'object' && setUp !== null) return setUp;
  throw new HoldfastError('bad-input', `${file} has no set-up as its default export.`, {
    file,
    nextStep: 'Write export default defineCrashTest({ setUp: async ({ folder, workspace }) => { … } });',
  });
}
