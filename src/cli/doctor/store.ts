/** Is all that a store of checkpoints has as it was written? */
import { counted } from '../../model/counted.ts';
import { openStore } from '../../store/sealed/open-store.ts';
import { verifyStore } from '../../store/sealed/verify.ts';
import type { Terminal } from '../terminal.ts';
import { failed, type Check } from './check.ts';

/** @param location as in `--store`; undefined: none was given */
export async function storeChecks(terminal: Terminal, location: string | undefined): Promise<readonly Check[]> {
  if (location === undefined) return [];
  try {
    const store = openStore(location, { base: terminal.cwd, create: false });
    try {
      const { series, checkpoints, contents, found, problems } = await verifyStore(store);
      const read =
        `${counted(checkpoints, 'checkpoint')} of ${counted(series, 'job')}, ` + counted(contents, 'content');
      if (found === 0)
        return [{ name: 'store', state: 'ok', detail: `${store.location}: ${read} read, each as it was written` }];
      const more = found > problems.length ? `; and ${found - problems.length} more` : '';
      return [
        {
          name: 'store',
          state: 'problem',
          detail: `${problems.join(' ')}${more}`,
          remedy:
            'See how much of a file is sound: holdfast checkpoints --inspect FILE. Put sound copies back; the others ' +
            'are not touched by it.',
        },
      ];
    } finally {
      await store.close();
    }
  } catch (error) {
    return [failed('store', error)];
  }
}
