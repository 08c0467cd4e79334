/** Which Run of a Workflow is the current one, as the server has it. */
import type { ConnectionLike } from '@temporalio/client';
import protos from '@temporalio/proto';
import { HoldfastError } from '../model/failure.ts';

/** Undefined: no Run is open. @throws HoldfastError `server-unreachable` */
export async function openRun(
  client: Pick<ConnectionLike, 'workflowService'>,
  namespace: string,
  workflowId: string,
): Promise<{ readonly runId: string; readonly firstRunId: string } | undefined> {
  try {
    const { workflowExecutionInfo: info } = await client.workflowService.describeWorkflowExecution({
      namespace,
      execution: { workflowId },
    });
    if (info?.status !== protos.temporal.api.enums.v1.WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING)
      return undefined;
    return { runId: info.execution?.runId ?? '', firstRunId: info.firstRunId ?? '' };
  } catch (cause) {
    if ((cause as { code?: number }).code === 5) return undefined;
    throw new HoldfastError(
      'server-unreachable',
      `The Temporal server did not say which Run of ${workflowId} is the current one: ${(cause as Error).message}.`,
      { workflowId },
      { cause },
    );
  }
}
