/** A module of one's own, loaded once for all Workflows of a Worker: it imports nothing. */
export const table = { prices: Object.freeze([1, 2, 3]) };

/** Was there no Workflow yet when it was loaded? */
export const wasPreloaded = Reflect.get(globalThis, '__TEMPORAL_ACTIVATOR__') === undefined;
