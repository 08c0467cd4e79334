/** Is there a server, with the namespace, the search attributes and a worker that jobs need? */
import { hostname } from 'node:os';
import type { HoldfastClient, QueuePoller, QueuePollers } from '../../client.ts';
import { shellWord } from '../../model/shell-word.ts';
import { workerCommand } from '../../model/worker-command.ts';
import type { Context } from '../command.ts';
import { counted } from '../../model/counted.ts';
import { workerRemedy } from '../worker-remedy.ts';
import { failed, type Check } from './check.ts';
import type { DoctorOptions } from './options.ts';

/** Of open jobs without a worker. */
const MAX_JOBS_COUNTED = 50;
const MAX_STARTS_SHOWN = 3;

export function notChecked(why: string): readonly Check[] {
  return ['server', 'namespace', 'search attributes', 'worker'].map((name): Check => ({
    name,
    state: 'not-checked',
    detail: why,
  }));
}

export async function serverChecks(context: Context<DoctorOptions>): Promise<readonly Check[]> {
  let client: Awaited<ReturnType<typeof context.client>>;
  try {
    client = await context.client();
  } catch (error) {
    return [failed('server', error), ...notChecked('no server').slice(1)];
  }
  const { checkServer, registerSearchAttributes } = await import('../../client.ts');
  const { connection, namespace, address } = client.temporal;
  const found = await checkServer(connection, namespace);
  const server: Check = {
    name: 'server',
    state: 'ok',
    detail: `${address}, Temporal ${found.serverVersion || 'of unknown version'}, ${found.roundTripMs} ms away`,
  };
  if (!found.namespaceExists) {
    const create = `temporal operator namespace create --namespace ${shellWord(namespace)}`;
    const remedy = `${create}, or choose another: --namespace, TEMPORAL_NAMESPACE`;
    return [
      server,
      { name: 'namespace', state: 'problem', detail: `there is no ${namespace}`, remedy },
      ...notChecked('no namespace').slice(2),
    ];
  }
  const checks: Check[] = [server, { name: 'namespace', state: 'ok', detail: namespace }];
  const register = context.options.fix === true ? () => registerSearchAttributes(connection, namespace) : undefined;
  checks.push(await searchAttributesCheck(found.missingSearchAttributes, register));
  const pollers = await client.workers();
  if (context.options.workerHere === true) return [...checks, workerHereCheck(pollers)];
  return [...checks, workerCheck(pollers), ...(await openJobsCheck(client))];
}

/** `register`: with `--fix`. */
async function searchAttributesCheck(
  missing: readonly string[] | undefined,
  register: (() => Promise<readonly string[]>) | undefined,
): Promise<Check> {
  const name = 'search attributes';
  if (missing === undefined)
    return {
      name,
      state: 'warning',
      detail: 'this server does not say which it has',
      remedy: 'Register HoldfastState (Keyword) and HoldfastDiscrepancies (Int) in its own console.',
    };
  if (missing.length === 0) return { name, state: 'ok', detail: 'HoldfastState, HoldfastDiscrepancies' };
  if (register !== undefined) return await registeredNow(register);
  return {
    name,
    state: 'warning',
    detail: `${missing.join(', ')} not registered: jobs run, but cannot be listed by state`,
    remedy: 'holdfast doctor --fix',
  };
}

function workerCheck({ isPolled, taskQueue, activity }: QueuePollers): Check {
  if (isPolled) return { name: 'worker', state: 'ok', detail: `Task Queue ${taskQueue}: ${identitiesOf(activity)}` };
  return {
    name: 'worker',
    state: 'warning',
    detail: `no worker is running on Task Queue ${taskQueue}`,
    remedy: workerCommand(taskQueue),
  };
}

/** Nothing where every open job has a worker. */
async function openJobsCheck(client: HoldfastClient): Promise<readonly Check[]> {
  const { jobs, isCut } = await client.list({ state: 'no-worker', limit: MAX_JOBS_COUNTED });
  const starts = [...new Set(jobs.map(workerRemedy))];
  if (starts.length === 0) return [];
  const detail = `${isCut ? 'more than ' : ''}${counted(jobs.length, 'open job')} without a worker`;
  const remedy = `${starts.slice(0, MAX_STARTS_SHOWN).join('; ')} (which: holdfast list --state no-worker)`;
  return [{ name: 'open jobs', state: 'warning', detail, remedy }];
}

function identitiesOf(pollers: readonly QueuePoller[]): string {
  return pollers.map(({ identity }) => identity).join(', ');
}

/** Its identity names its host. A worker that polls for both kinds of Tasks runs Workflows and steps. */
function workerHereCheck({ taskQueue, workflow, activity }: QueuePollers): Check {
  const isHere = ({ identity }: QueuePoller): boolean =>
    identity.slice(identity.indexOf('@') + 1).startsWith(`${hostname()}:`);
  const here = activity.filter(isHere);
  if (here.length > 0 && workflow.some(isHere))
    return {
      name: 'worker',
      state: 'ok',
      detail: `Task Queue ${taskQueue}: ${identitiesOf(here)}`,
    };
  return {
    name: 'worker',
    state: 'problem',
    detail: `no worker of this host (${hostname()}) is running on Task Queue ${taskQueue}`,
    remedy: 'Start one here, or look at what the one that is here says.',
  };
}

async function registeredNow(register: () => Promise<readonly string[]>): Promise<Check> {
  try {
    return { name: 'search attributes', state: 'ok', detail: `${(await register()).join(', ')}: registered now` };
  } catch (error) {
    const remedy =
      'temporal operator search-attribute create --name HoldfastState --type Keyword ' +
      '--name HoldfastDiscrepancies --type Int, by somebody who may';
    return {
      name: 'search attributes',
      state: 'warning',
      detail: `could not be registered: ${(error as Error).message}`,
      remedy,
    };
  }
}
