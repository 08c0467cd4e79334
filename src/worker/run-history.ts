/** What a Run has asked of workers, and what it was answered: read from the server's history, page by page. */
import type { ConnectionLike } from '@temporalio/client';
import type { LoadedDataConverter, Payload } from '@temporalio/common';
import type protos from '@temporalio/proto';
import { decoded } from '../client/stored-payload.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import type { HistoryEntry, RunHistory } from '../protocol/host.ts';

type HistoryEvent = protos.temporal.api.history.v1.IHistoryEvent;

export interface HistoryServer {
  readonly namespace: string;
  readonly connection: Pick<ConnectionLike, 'workflowService'>;
  readonly dataConverter: LoadedDataConverter;
}

/** @throws HoldfastError as `ProtocolHost.history` */
export async function readRunHistory(
  server: HistoryServer,
  execution: { readonly workflowId: string; readonly runId: string },
  visit: (entry: HistoryEntry) => void,
): Promise<RunHistory> {
  const pending = new Map<string, HistoryEntry>();
  let continuedFrom: string | undefined;
  for await (const event of eventsOf(server, execution)) {
    const { workflowExecutionStartedEventAttributes: started } = event;
    if (started) continuedFrom = started.continuedExecutionRunId || undefined;
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      const request = await valueOf(server, scheduled.input?.payloads);
      pending.set(String(event.eventId), { activity: scheduled.activityType?.name ?? '', request, at: timeOf(event) });
    }
    const begun = event.activityTaskStartedEventAttributes;
    const known = begun && pending.get(String(begun.scheduledEventId));
    if (known) pending.set(String(begun.scheduledEventId), { ...known, attempts: begun.attempt ?? 1 });
    const completed = event.activityTaskCompletedEventAttributes;
    const entry = completed && take(pending, completed.scheduledEventId);
    if (entry) visit({ ...entry, result: await valueOf(server, completed.result?.payloads), at: timeOf(event) });
  }
  for (const entry of pending.values()) visit(entry);
  return defined({ continuedFrom });
}

function take(pending: Map<string, HistoryEntry>, id: unknown): HistoryEntry | undefined {
  const key = String(id);
  const entry = pending.get(key);
  pending.delete(key);
  return entry;
}

async function* eventsOf(
  { connection, namespace }: HistoryServer,
  execution: { readonly workflowId: string; readonly runId: string },
): AsyncGenerator<HistoryEvent> {
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await asked(execution, () =>
      connection.workflowService.getWorkflowExecutionHistory({
        namespace,
        execution,
        ...defined({ nextPageToken }),
      }),
    );
    yield* page.history?.events ?? [];
    nextPageToken = page.nextPageToken?.length > 0 ? page.nextPageToken : undefined;
  } while (nextPageToken !== undefined);
}

async function asked<T>(
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    const isGone = (cause as { code?: number }).code === 5;
    throw new HoldfastError(
      isGone ? 'not-found' : 'server-unreachable',
      isGone
        ? `The Temporal server does not have Run ${runId} of ${workflowId} any more.`
        : `The Temporal server did not give the history of Run ${runId} of ${workflowId}: ${(cause as Error).message}.`,
      { workflowId, runId },
      { cause },
    );
  }
}

async function valueOf(
  { dataConverter }: HistoryServer,
  payloads: readonly Payload[] | null | undefined,
): Promise<unknown> {
  const [payload] = payloads ?? [];
  return payload === undefined ? undefined : await decoded(payload, dataConverter);
}

function timeOf({ eventTime }: HistoryEvent): string {
  const seconds = Number(eventTime?.seconds ?? 0);
  return new Date(seconds * 1_000 + Math.floor((eventTime?.nanos ?? 0) / 1e6)).toISOString();
}
