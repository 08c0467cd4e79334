/** What a Temporal server stores of a job, as a reader of its storage sees it. */
import type { TestTemporal } from './temporal.ts';

/** Everything that the server gives out about a job, payloads as they are stored, each byte string as text. */
export async function storedText(temporal: TestTemporal, workflowId: string): Promise<string> {
  const texts: string[] = [];
  const collect = (value: unknown): void => {
    if (typeof value === 'string') texts.push(value);
    else if (value instanceof Uint8Array) texts.push(Buffer.from(value).toString('latin1'));
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(collect);
  };
  const { workflowService } = temporal.connection;
  const execution = { workflowId };
  collect(
    await workflowService.getWorkflowExecutionHistory({
      namespace: temporal.namespace,
      execution,
      maximumPageSize: 1_000,
    }),
  );
  collect(await workflowService.describeWorkflowExecution({ namespace: temporal.namespace, execution }));
  collect((await workflowService.listWorkflowExecutions({ namespace: temporal.namespace })).executions);
  return texts.join('\n');
}

/** A history in JSON, followed by its decoded payloads. */
export function readable(history: string): string {
  const payloads = history.matchAll(/"data": ?"([A-Za-z0-9+/=]+)"/g);
  return history + Array.from(payloads, ([, data]) => Buffer.from(data!, 'base64').toString()).join('\n');
}
