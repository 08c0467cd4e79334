/** A process that cleans up, and may kill itself. Its answer is its report. */
import { collectBelow } from '../../src/protocol/retention/gc.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { killingHook, type Killing } from './killing.ts';

export interface GcOrder extends Killing {
  readonly root: string;
  readonly nowMs: number;
  readonly env: Readonly<Record<string, string>>;
}

const order = JSON.parse(process.argv[2]!) as GcOrder;
setFaultHook(killingHook(order));
const { root, nowMs, env } = order;
process.stdout.write(JSON.stringify(await collectBelow(root, { env, nowMs, dryRun: false, unusedForMs: 0 })));
