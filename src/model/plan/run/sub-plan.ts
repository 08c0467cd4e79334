/** What the job of a sub-plan is started with, and the ids that belong to it. Pure; the same for ever. */
import type { Json } from '../../canonical-json.ts';
import { shortDigest, type Digest } from '../../digest.ts';
import { HoldfastError } from '../../failure.ts';
import { planRunStep } from '../../step/built-in/plan-run.ts';
import { workspacePath } from '../../step/workspace-path.ts';
import type { PlanStep } from '../plan.ts';

/** Ends the id of the step whose record says that a job is started; no id of a plan has it. */
const BEGIN_MARK = '/job';

/** @param stepId of the step, or of a round or an item of it */
export function beginIdOf(stepId: string): string {
  return `${stepId}${BEGIN_MARK}`;
}

/** The step whose job it begins; any other id is itself. */
export function begunBy(stepId: string): string {
  return stepId.endsWith(BEGIN_MARK) ? stepId.slice(0, -BEGIN_MARK.length) : stepId;
}

/** The same for one generation of a step, so that its job is started once. @param token of the beginning */
export function subJobIdOf(parentId: string, stepId: string, token: Digest): string {
  return `${parentId}.${stepId}.${shortDigest(token)}`;
}

/** What is to be resolved for a step: its input and, of a sub-plan, its folder. */
export function givenTo({ use, with: input, workspace }: PlanStep): Json {
  return use === planRunStep.name ? { input, workspace: workspace ?? null } : input;
}

export interface GivenToSubPlan {
  readonly input: Json;
  /** In the parent's workspace. Null: the sub-plan's own. */
  readonly folder: string | null;
}

/** @param given what `givenTo` has come to @throws HoldfastError `bad-input` for a folder that can't be used */
export function givenToSubPlan(stepId: string, given: Json): GivenToSubPlan {
  const { input, workspace } = given as { readonly input: Json; readonly workspace: Json };
  if (workspace === null) return { input, folder: null };
  const checked = typeof workspace === 'string' ? workspacePath(workspace) : undefined;
  if (checked?.ok === true) return { input, folder: checked.value };
  throw new HoldfastError(
    'bad-input',
    `Step "${stepId}": workspace is ${JSON.stringify(workspace)}. Expected a folder of the workspace, such as ` +
      '"chapters/one": it is the sub-plan\'s alone.',
    { stepId },
  );
}
