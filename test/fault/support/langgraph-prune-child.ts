/** A run of a thread by a saver that keeps the newest checkpoints, in a process that may kill itself. */
import { setFaultHook } from '../../../src/store/fault-point.ts';
import { HoldfastSaver } from '../../../src/langgraph.ts';
import { killingHook, type Killing } from '../../support/killing.ts';
import { chain, thread } from '../../support/langgraph.ts';

export interface LangGraphPruneOrder extends Killing {
  readonly location: string;
  readonly thread: string;
  readonly keep: number;
}

const order = JSON.parse(process.argv[2]!) as LangGraphPruneOrder;
const saver = new HoldfastSaver(order.location, { keep: order.keep });
const warnings: string[] = [];
process.on('warning', ({ message }) => void warnings.push(message));
setFaultHook(killingHook(order));
const options = { ...thread(order.thread), durability: 'sync' as const };
const { steps } = await chain(saver, 1).invoke({ steps: ['again'] }, options);
await saver.end();
await new Promise((resolve) => setImmediate(resolve));
process.stdout.write(JSON.stringify({ steps, warnings }));
