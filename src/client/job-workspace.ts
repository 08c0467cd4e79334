/** The folder that a job works in, from its history: needs no worker. */
import type { Json } from '../model/canonical-json.ts';
import { assertPlan } from '../model/plan/check/check.ts';
import { parseInput, workspaceOf } from '../model/plan/run/input.ts';
import { forkToldIn } from '../model/job/own-arguments.ts';
import { AGENT_JOB } from './job-listing.ts';
import type { CallingServer } from './calling-server.ts';
import { decoded } from './stored-payload.ts';

/** Undefined for a user's own Workflow. @throws HoldfastError `not-found`, `server-unreachable` */
export async function workspaceOfJob(server: CallingServer, workflowId: string): Promise<string | undefined> {
  const { namespace, connection, client } = server;
  const { history } = await server.call(workflowId, () =>
    connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId },
      maximumPageSize: 1,
    }),
  );
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const payload = started?.input?.payloads?.[0];
  const last = started?.input?.payloads?.at(-1);
  if (last?.data != null) {
    const told = forkToldIn(await decoded<unknown>(last, client.options.loadedDataConverter));
    if (told !== undefined) return told.workspace;
  }
  if (started?.workflowType?.name !== AGENT_JOB || payload?.data == null) return undefined;
  const given = await decoded<{ plan: unknown; input?: Json; workspace?: string }>(
    payload,
    client.options.loadedDataConverter,
  );
  if (given.workspace !== undefined) return given.workspace;
  const plan = assertPlan(given.plan, { isUnderWay: true });
  return workspaceOf(plan, parseInput(plan, given.input ?? {}));
}
