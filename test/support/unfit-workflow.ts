/** A release of somebody's own Workflow that can't go on with its jobs: Temporal tries their Workflow Tasks again. */
import { sleep } from '@temporalio/workflow';

/** Its code fails. */
export async function ownWorkflow(input: { readonly paths: readonly string[] }): Promise<never> {
  if (input.paths.length > 1) throw new TypeError('input.paths is no longer a list');
  // It does something else than it did.
  for (;;) await sleep('1 hour');
}
