/** What is tested: a plan, or a Workflow of the user's; and what each run of it begins with. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { LoadedConfig } from '../config.ts';
import type { Json } from '../model/canonical-json.ts';
import { HoldfastError, isFailure } from '../model/failure.ts';
import { assertPlan } from '../model/plan/check/check.ts';
import type { Plan } from '../model/plan/plan.ts';
import { parseInput, workspaceOf } from '../model/plan/run/input.ts';
import { referencedVariable } from '../model/env-reference.ts';
import { WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import type { CrashTestOptions, CrashTestSetUp } from './options.ts';
import { mustBeFolder, type WorldSource } from './world.ts';

export interface Subject {
  /** For people. */
  readonly name: string;
  /** Undefined: a Workflow. */
  readonly plan: Plan | undefined;
  readonly workflow: string | undefined;
  /** Before the run's own set-up adds to it. */
  readonly input: Json | undefined;
  readonly world: WorldSource;
}

interface Given {
  readonly options: CrashTestOptions;
  readonly setUp: CrashTestSetUp;
  readonly config: LoadedConfig;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** @throws HoldfastError `bad-plan`, `bad-input`, `not-found`; `busy`: its workspace is in use */
export async function subjectOf(given: Given): Promise<Subject> {
  const { options, setUp } = given;
  if ((options.plan === undefined) === (options.workflow === undefined))
    throw new HoldfastError('bad-input', 'A crash test is of a plan or of a Workflow. Expected one of the two.');
  const input = merged(setUp.input, options.input);
  if (options.plan === undefined) {
    mustHaveWorkflows(given);
    const folder = options.world === undefined ? undefined : worldOf(given);
    const world = { folder, workspace: '', databases: databasesOf(given, setUp.databases ?? []) };
    return { name: options.workflow!, plan: undefined, workflow: options.workflow, input, world };
  }
  const knownSteps = [...given.config.steps, ...(setUp.steps ?? [])].map(({ contract }) => contract);
  const plan = assertPlan(options.plan, knownSteps.length === 0 ? {} : { knownSteps });
  const variables = Object.values(plan.databases).flatMap(({ url }) => referencedVariable(url) ?? []);
  const folder = options.world === undefined ? await presentWorkspace(given, plan, input) : worldOf(given);
  const databases = databasesOf(given, [...variables, ...(setUp.databases ?? [])]);
  return { name: plan.name, plan, workflow: undefined, input, world: { folder, workspace: 'workspace', databases } };
}

/** Found out by a worker it would be a job that never ends. */
function mustHaveWorkflows({ options, config, cwd }: Given): void {
  const file = options.workflowsPath === undefined ? config.workflowsPath : path.resolve(cwd, options.workflowsPath);
  // Without an ending it is the bundler that finds it.
  if (file !== undefined && (file.startsWith('file:') || path.extname(file) === '' || existsSync(file))) return;
  const found = file === undefined ? 'no module of Workflows is named' : `there is no ${file}`;
  throw new HoldfastError(
    'bad-input',
    `There is no plan ${options.workflow}, and for a Workflow of that name ${found}.`,
    { nextStep: 'Name the module that exports the Workflow: --workflows FILE; or the file of a plan.' },
  );
}

function worldOf({ options, cwd }: Given): string {
  return mustBeFolder(path.resolve(cwd, options.world!), '--world');
}

/** The plan's own workspace, as it is now: each run starts from it. */
async function presentWorkspace({ cwd, config, env }: Given, plan: Plan, input: Json | undefined) {
  let named: string;
  try {
    named = workspaceOf(plan, parseInput(plan, input ?? {}));
  } catch (error) {
    // The input may become whole by the set-up only.
    if (isFailure(error)) return undefined;
    throw error;
  }
  const folder = path.resolve(config.workspaceRoot ?? cwd, named);
  // A plan that works in the folder of its own sources is tested from an empty one.
  if (!existsSync(folder) || folder === path.resolve(cwd)) return undefined;
  if (existsSync(path.join(folder, '.holdfast', 'ledger.sqlite'))) await refuseUsed(folder, env);
  return folder;
}

async function refuseUsed(folder: string, env: Given['env']): Promise<void> {
  await using inspection = await WorkspaceInspection.open(folder, env);
  const job = inspection.jobs().find(({ isBound }) => isBound);
  if (job === undefined) return;
  throw new HoldfastError('busy', `The workspace ${folder} is in use by job ${job.workflowId}.`, {
    folder,
    job: job.workflowId,
    nextStep: 'Let the job end first, or give the folder that runs start from: --world FOLDER.',
  });
}

function databasesOf({ env }: Given, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...new Set(names)].flatMap((name) => {
      const url = env[name];
      return url === undefined || url === '' ? [] : [[name, url]];
    }),
  );
}

/** Fields of the later ones come over those of the earlier. */
export function merged(...inputs: readonly (Json | undefined)[]): Json | undefined {
  const given = inputs.filter((input) => input !== undefined);
  const isObject = (input: Json): boolean => typeof input === 'object' && input !== null && !Array.isArray(input);
  return given.length > 1 && given.every(isObject) ? (Object.assign({}, ...given) as Json) : given.at(-1);
}
