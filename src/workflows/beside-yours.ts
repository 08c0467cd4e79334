/**
 * The entry of a bundle with Workflows of the user's: theirs, and `agentJob`. The bundler puts their module in place of
 * the name below.
 */
// @ts-expect-error -- there is no such package; see worker/bundle.ts
import * as yours from 'holdfast-beside-workflows';

// @ts-expect-error -- as above
export * from 'holdfast-beside-workflows';
export { agentJob } from './agent-job-entry.ts';

/** By name: the bundler warns of one that is not there. */
const DEFAULT_NAME: string = 'default';

/** What runs Workflows of names that nothing exports, if they have such a one: `export *` leaves it out. */
// oxlint-disable-next-line no-default-export -- the name that Temporal's SDK looks for
export default (yours as Readonly<Record<string, unknown>>)[DEFAULT_NAME];
