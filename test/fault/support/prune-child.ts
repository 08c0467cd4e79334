/** A process that removes the old generations of a series, and may kill itself. Its answer is what it removed. */
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { openStore } from '../../../src/store/sealed/open-store.ts';
import { pruneSeries } from '../../../src/store/sealed/prune.ts';
import { killingHook, type Killing } from '../../support/killing.ts';

export interface PruneOrder extends Killing {
  readonly store: string;
  readonly series: string;
}

const { store: location, series, ...killing } = JSON.parse(process.argv[2]!) as PruneOrder;
const store = openStore(location);
// What opens the store is no part of it.
await store.generations(series);
setFaultHook(killingHook(killing));
const { removed } = await pruneSeries({ store, series, kind: 'checkpoint' }, { keep: 3 });
await store.close();
process.stdout.write(JSON.stringify(removed));
