/** What a worker does for the dead predecessors of its own host. */
import type { ConnectionLike } from '@temporalio/client';
import protos from '@temporalio/proto';
import type { DeadWorker } from '../store/register/folder.ts';

const BENIGN = protos.temporal.api.enums.v1.ApplicationErrorCategory.APPLICATION_ERROR_CATEGORY_BENIGN;

/**
 * Fails the Activities that dead predecessors were running, by task token: the token of an older attempt does nothing.
 * Safe to repeat.
 */
export async function takeOverFromDead(
  client: Pick<ConnectionLike, 'workflowService'>,
  namespace: string,
  dead: readonly DeadWorker[],
  identity: string,
): Promise<void> {
  for (const { attempts, workflows } of dead) {
    await Promise.all(
      workflows
        .filter((workflow) => workflow.namespace === namespace)
        .map(({ workflowId, runId }) =>
          // The server holds Workflow Tasks back for the dead worker's sticky queue until it is told.
          ignoreMissing(client.workflowService.resetStickyTaskQueue({ namespace, execution: { workflowId, runId } })),
        ),
    );
    await Promise.all(
      attempts
        .filter((attempt) => attempt.namespace === namespace)
        .map(({ taskToken }) =>
          ignoreMissing(
            client.workflowService.respondActivityTaskFailed({
              namespace,
              taskToken,
              identity,
              failure: {
                message: 'The worker died; its successor on the same host says so.',
                source: 'holdfast',
                applicationFailureInfo: { type: 'worker-lost', nonRetryable: false, category: BENIGN },
              },
            }),
          ),
        ),
    );
  }
}

/** NOT_FOUND: the Workflow or the attempt has ended meanwhile. INVALID_ARGUMENT: a token of another server. */
const GONE_CODES = new Set([3, 5]);

async function ignoreMissing(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!GONE_CODES.has((error as { code?: number }).code ?? -1)) throw error;
  }
}
