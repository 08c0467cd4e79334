/** A literal URL of a plan: does `http.hosts` list its host? */
import { HoldfastError } from '../../failure.ts';
import { allowedUrl } from '../../step/http-host.ts';
import type { Plan } from '../plan.ts';
import type { PlanProblem } from '../problem/problem.ts';

export function checkUrl(plan: Plan, url: string, path: string): readonly PlanProblem[] {
  if (url.includes('${{')) return [];
  try {
    allowedUrl(plan.http?.hosts ?? [], url);
    return [];
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const host = error.details['host'];
    if (typeof host !== 'string') return [{ path, message: error.message.replace(/\.$/, '') }];
    const hosts = plan.http?.hosts ?? [];
    return [
      {
        path,
        message: `calls ${host}, which the plan does not list`,
        expected: hosts.length === 0 ? 'a host that the plan lists under `http.hosts`' : `one of ${hosts.join(', ')}`,
        hint: `list it: http: { hosts: [${host}] }`,
      },
    ];
  }
}
