/** How the job of a plan is opened: what the plan declares, with its references to the job's input replaced. */
import type { JsonObject } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { digestOf } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { DEFAULT_VERIFY_AFTER_MS, type Watch } from '../../model/job/settings.ts';
import type { Plan, Watch as PlanWatch } from '../../model/plan/plan.ts';
import { basesIn } from '../../model/plan/database-base.ts';
import { watchesOf } from '../../model/plan/run/input.ts';
import { workspacePattern } from '../../model/step/file-pattern.ts';
import type { OpenJobOptions } from '../guarded-job.ts';

/** @throws HoldfastError `bad-input`, for a watch whose reference has no value, or leads to no path */
export function planOptions(plan: Plan, input: JsonObject, jobId: string): Omit<OpenJobOptions, 'workspace' | 'args'> {
  const { verifyAfterMinutes } = plan;
  return {
    name: plan.name,
    databases: Object.fromEntries(Object.entries(plan.databases).map(([name, { url }]) => [name, url])),
    bases: basesIn(plan.databases),
    watch: plan.watch.length === 0 ? [] : watchesOf(plan, input, jobId).map(jobWatch),
    verifyAfterMs: verifyAfterMinutes === undefined ? DEFAULT_VERIFY_AFTER_MS : Math.round(verifyAfterMinutes * 60_000),
    plan: { name: plan.name, digest: digestOf(plan) },
    ...defined({
      secrets: plan.secrets,
      http: plan.http,
      heartbeatTimeoutMs: plan.heartbeatTimeoutMs,
      verify: plan.verify,
      checkpoint: plan.checkpoint,
      retention: plan.retention,
    }),
  };
}

function jobWatch(watch: PlanWatch): Watch {
  if (watch.file !== undefined) return { kind: 'file', path: watchedPath(watch.file) };
  if (watch.command !== undefined) return { kind: 'command', argv: [...watch.command] };
  if (watch.schema !== undefined) {
    const [database, table] = watch.schema.split('/') as [string, string];
    return { kind: 'schema', database, table };
  }
  if (watch.endpoint !== undefined) return { kind: 'endpoint', ...watch.endpoint };
  const { name, database, sql, params } = watch.query!;
  return { kind: 'query', name, database, sql, params: [...params] };
}

/** As it is spelled: the job's settings make every watch uniform. */
function watchedPath(text: string): string {
  const checked = workspacePattern(text);
  if (checked.ok) return text;
  throw new HoldfastError('bad-input', `The watched path "${text}" ${checked.problem}: ${checked.hint}.`);
}
