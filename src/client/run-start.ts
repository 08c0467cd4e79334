/** What started a Workflow's Run, from the first event of its history: needs no worker. */
import type { LoadedDataConverter, Payload } from '@temporalio/common';
import type { Json } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import { CARRIED_FIELD, CARRIED_MEMO, isOwnArgument } from '../model/job/own-arguments.ts';
import type { CallingServer } from './calling-server.ts';
import { decoded } from './stored-payload.ts';

export interface RunStart {
  /** The Workflow's type. */
  readonly type: string;
  /** What it was given, also what Holdfast has added to it; what an earlier Run handed over is the last of them. */
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
    args: isOwnArgument(args.at(-1))
      ? args
      : [...args, ...(await carriedBesides(started.memo?.fields?.[CARRIED_MEMO], converter))],
    firstRunId: started.firstExecutionRunId ?? undefined,
    summary: typeof summary === 'string' ? summary : undefined,
  };
}

/** Beside arguments that leave no room for it a Run hands it over in its memo. */
async function carriedBesides(
  stored: Payload | undefined,
  converter: LoadedDataConverter,
): Promise<readonly unknown[]> {
  if (stored === undefined) return [];
  return [{ [CARRIED_FIELD]: { carried: await decoded<Json>(stored, converter) } }];
}
