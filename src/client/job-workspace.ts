/** The folder that a job works in, from its history: needs no worker. */
import type { Json } from '../model/canonical-json.ts';
import { assertPlan } from '../model/plan/check/check.ts';
import { parseInput, workspaceOf } from '../model/plan/run/input.ts';
import { handedIn } from '../model/job/own-arguments.ts';
import { AGENT_JOB } from './job-listing.ts';
import type { CallingServer } from './calling-server.ts';
import { runStart } from './run-start.ts';

/** Undefined for a user's own Workflow. @throws HoldfastError `not-found`, `server-unreachable` */
export async function workspaceOfJob(server: CallingServer, workflowId: string): Promise<string | undefined> {
  const started = await runStart(server, workflowId);
  const workspace = handedIn(started?.args.at(-1))?.workspace;
  if (workspace !== undefined) return workspace;
  if (started?.type !== AGENT_JOB || started.args.length === 0) return undefined;
  const given = started.args[0] as { plan: unknown; input?: Json; workspace?: string };
  if (given.workspace !== undefined) return given.workspace;
  const plan = assertPlan(given.plan, { isUnderWay: true });
  return workspaceOf(plan, parseInput(plan, given.input ?? {}));
}
