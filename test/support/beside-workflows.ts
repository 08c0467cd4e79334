/** Workflows of a program that uses much of Temporal: a default one, one that calls a Nexus operation, guarded ones. */
import { createNexusServiceClient, workflowInfo } from '@temporalio/workflow';
import { table, wasPreloaded } from './preloaded.ts';
import { shoutService } from './shout-service.ts';

export * from './greeting-workflow.ts';

export async function shouting(endpoint: string, text: string): Promise<string> {
  return await createNexusServiceClient({ service: shoutService, endpoint }).executeOperation('shout', text);
}

/** What is shared by all Workflows, as none can change it. */
export function shared(): Promise<{ wasPreloaded: boolean; isFrozen: boolean }> {
  return Promise.resolve({ wasPreloaded, isFrozen: Object.isFrozen(table) });
}

/** Runs Workflows of every type that nothing exports. */
// oxlint-disable-next-line no-default-export -- the name that Temporal's SDK looks for
export default function anyType(): Promise<string> {
  return Promise.resolve(`ran as ${workflowInfo().workflowType}`);
}
