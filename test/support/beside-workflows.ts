/** Workflows of a program that uses much of Temporal: a default one, one that calls a Nexus operation, guarded ones. */
import { createNexusServiceClient, workflowInfo } from '@temporalio/workflow';
import { shoutService } from './shout-service.ts';

export * from './greeting-workflow.ts';

export async function shouting(endpoint: string, text: string): Promise<string> {
  return await createNexusServiceClient({ service: shoutService, endpoint }).executeOperation('shout', text);
}

/** Runs Workflows of every type that nothing exports. */
// oxlint-disable-next-line no-default-export -- the name that Temporal's SDK looks for
export default function anyType(): Promise<string> {
  return Promise.resolve(`ran as ${workflowInfo().workflowType}`);
}
