/** What a scenario is, and what the plans of many have in common. */
import type { WorkflowHandle } from '@temporalio/client';
import type { AgentJobInput } from '../../src/workflows/agent-job.ts';

export interface Scenario {
  /** The Workflow's type. Default: `agentJob`. */
  readonly workflow?: string;
  /** Its argument; the workspace is added. */
  readonly input: Partial<Omit<AgentJobInput, 'workspace'>>;
  /** Called before the job starts, with its workspace. */
  readonly before?: (workspace: string, start: StartJob) => void | Promise<void>;
  /** Is the job pinned to version 1 of its workers? Default: they have no versions. */
  readonly isPinned?: boolean;
  /** Changes the code of Workflows, which no worker takes steps of until `takeSteps`. Default: unchanged, and taken. */
  readonly untaken?: (code: string) => string;
  /** Plays the person. */
  readonly during?: (handle: WorkflowHandle, workspace: string, workers: Workers) => Promise<void>;
  /** Which Run of the chain is recorded. Default: the last. */
  readonly run?: 'first' | 'last';
}

/** Makes a version of the pinned jobs' workers current. */
export type SetCurrent = (buildId: string) => Promise<void>;

/** What a scenario can do with the workers of its own. */
export interface Workers {
  readonly setCurrent: SetCurrent;
  readonly takeSteps: () => Promise<void>;
  /** What happens while the worker of version 1 is away, so that the Workflow hears of all of it at once. */
  readonly whileAway: (happens: () => Promise<void>) => Promise<void>;
}

/** Starts another job in a workspace. */
export type StartJob = (workflowId: string, input: AgentJobInput) => Promise<WorkflowHandle>;

export const base = { schemaVersion: 1, workspace: 'unused', databases: { main: { url: 'sqlite:main.db' } } } as const;
export const write = (id: string, needs: string[] = []) => ({
  id,
  use: 'file.write',
  with: { path: `${id}.txt`, content: id },
  needs,
});

export const decision = (digest: string, answer: string): Record<string, string> => ({
  digest,
  answer,
  by: 'someone@example.com',
  reason: 'recorded for replay',
});
