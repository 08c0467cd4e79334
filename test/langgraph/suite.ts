/** LangGraph's own suite for checkpoint savers, run by vitest over one store. */
import { deltaChannelHistoryTests, validate } from '@langchain/langgraph-checkpoint-validation';
import { HoldfastSaver } from '../../src/langgraph.ts';

/** @param place makes a new empty store, and says how it is removed */
export function runSuite(
  name: string,
  place: () => Promise<{ readonly location: string; readonly remove: () => Promise<void> }>,
): void {
  const removals = new Map<HoldfastSaver, () => Promise<void>>();
  const initializer = {
    checkpointerName: name,
    async createCheckpointer() {
      const { location, remove } = await place();
      const saver = new HoldfastSaver(location);
      removals.set(saver, remove);
      return saver;
    },
    async destroyCheckpointer(saver: HoldfastSaver) {
      await saver.end();
      await removals.get(saver)!();
    },
  };
  validate(initializer);
  deltaChannelHistoryTests(initializer);
}
