/** How long a Run's history is, against what the server takes. */
import { workflowInfo } from '@temporalio/workflow';

/** Well below the 51,200 events and 50 MB beyond which the server ends a Run. */
const VERY_LONG = { events: 20_000, bytes: 20_000_000 } as const;

/** Is it long enough for continue-as-new? @param limit of events; undefined: when the server suggests it */
export function isLongRun(limit: number | undefined): boolean {
  const info = workflowInfo();
  return limit === undefined ? info.continueAsNewSuggested : info.historyLength >= limit;
}

/** Must it become no longer, whoever is made to wait for that? */
export function isVeryLongRun(limit: number | undefined): boolean {
  const { historyLength, historySize } = workflowInfo();
  return historyLength >= (limit === undefined ? VERY_LONG.events : limit * 5) || historySize >= VERY_LONG.bytes;
}
