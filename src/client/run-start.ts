/** What started a Workflow's Run, from the first event of its history: needs no worker. */
import type { Json } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import type { CallingServer } from './calling-server.ts';
import { decoded } from './stored-payload.ts';

export interface RunStart {
  /** The Workflow's type. */
  readonly type: string;
  /** What it was given, also what Holdfast has added to it. */
  readonly args: readonly unknown[];
  /** The Run that the chain of Runs began with. */
  readonly firstRunId: string | undefined;
  readonly summary: string | undefined;
}

/**
 * @param runId default: the latest Run
 * @returns undefined: the history does not begin with it any more
 * @throws HoldfastError `not-found`, `server-unreachable`, `missing-key`
 */
export async function runStart(
  server: CallingServer,
  workflowId: string,
  runId?: string,
): Promise<RunStart | undefined> {
  const { namespace, connection, client } = server;
  const { history } = await server.call(workflowId, () =>
    connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId, ...defined({ runId }) },
      maximumPageSize: 1,
    }),
  );
  const event = history?.events?.[0];
  const started = event?.workflowExecutionStartedEventAttributes;
  const type = started?.workflowType?.name;
  if (started == null || type == null) return undefined;
  const converter = client.options.loadedDataConverter;
  const args = await Promise.all((started.input?.payloads ?? []).map((one) => decoded<unknown>(one, converter)));
  const stored = event?.userMetadata?.summary;
  const summary = stored == null ? undefined : await decoded<Json>(stored, converter);
  return {
    type,
    args,
    firstRunId: started.firstExecutionRunId ?? undefined,
    summary: typeof summary === 'string' ? summary : undefined,
  };
}
