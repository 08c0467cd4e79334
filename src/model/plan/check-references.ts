/**
 * Does every reference of a plan lead somewhere, and stand where its kind may stand?
 */
import type { Json } from '../canonical-json.ts';
import { joinPath, type ReferenceRoot } from './reference.ts';
import type { PlanProblem } from './problem.ts';
import type { Plan } from './plan.ts';
import type { StepContract } from '../step/step.ts';
import { type Placed, read } from './read-references.ts';
import { Destinations } from './destination.ts';
import { unknownName } from './unknown-name.ts';

export interface CheckedReferences {
  readonly problems: readonly PlanProblem[];
  /** Step id → ids that it waits for, as far as the references can be read. */
  readonly waitsFor: ReadonlyMap<string, readonly string[]>;
}

const WHERE: Readonly<Record<ReferenceRoot, string>> = {
  input: 'in workspace, watch and with',
  state: 'in with',
  steps: 'in with',
  job: 'in watch and with',
  secrets: "in with, of steps whose work isn't recorded byte for byte",
  env: "only as a database's url: everything else of a plan is kept in history",
  output: "in a step's own state",
};

export function checkReferences(plan: Plan, contracts: ReadonlyMap<string, StepContract>): CheckedReferences {
  const problems: PlanProblem[] = [];
  const waitsFor = new Map<string, readonly string[]>();
  const leads = new Destinations(plan, contracts);

  check(plan.workspace, 'workspace', ['input']);
  check(plan.watch as Json, 'watch', ['input', 'job']);
  for (const [key, declared] of Object.entries(plan.state)) check(declared.initial ?? null, `state.${key}.initial`, []);
  plan.steps.forEach((step, index) => {
    const at = `steps[${index}]`;
    const placed = check(step.with, `${at}.with`, ['input', 'state', 'steps', 'job', 'secrets']);
    problems.push(
      ...placed.flatMap(({ reference, path }) =>
        reference.root === 'secrets' ? checkSecret(plan, step.use, reference.name, path) : [],
      ),
    );
    waitsFor.set(step.id, [
      ...new Set([
        ...step.needs,
        ...placed.flatMap(({ reference }) => (reference.root === 'steps' ? [reference.stepId] : [])),
      ]),
    ]);
    for (const { reference, path } of placed)
      if (reference.root === 'state') problems.push(...leads.stateBefore(reference, path, step.id));
    for (const [key, value] of Object.entries(step.state)) {
      if (!Object.hasOwn(plan.state, key))
        problems.push(
          unknownName(
            joinPath(`${at}.state`, key),
            'state key',
            key,
            Object.keys(plan.state),
            "declare it under the plan's `state`",
          ),
        );
      for (const { reference, path } of check(value, joinPath(`${at}.state`, key), ['output']))
        problems.push(...leads.output(step.use, reference, path, 'output'));
    }
    check([...step.reads], `${at}.reads`, []);
    check([...step.writes], `${at}.writes`, []);
  });
  problems.push(...leads.unwritten(waitsFor));
  return { problems, waitsFor };

  function check(value: Json, at: string, allowed: readonly ReferenceRoot[]): readonly Placed[] {
    const found = read(value, at, problems);
    return found.filter(({ reference, path }) => {
      if (!allowed.includes(reference.root)) {
        problems.push({
          path,
          message: `${reference.text} cannot be used here`,
          expected: allowed.length === 0 ? 'no references' : `references to ${allowed.join(', ')}`,
          hint: `${reference.root} can be used ${WHERE[reference.root]}`,
        });
        return false;
      }
      problems.push(...leads.problems(reference, path));
      return true;
    });
  }
}

/** What these steps do is recorded byte for byte, so that a secret would be refused when they run. */
const RECORDED_STEPS = /^(?:(?:file|db)\..*|wait)$/;

function checkSecret(plan: Plan, use: string, name: string, path: string): readonly PlanProblem[] {
  const declared = plan.secrets ?? [];
  if (!declared.includes(name))
    return [unknownName(path, 'secret', name, declared, `declare it: secrets: [${[...declared, name].join(', ')}]`)];
  if (!RECORDED_STEPS.test(use)) return [];
  return [
    {
      path,
      message: `a secret cannot be given to ${use}`,
      found: `\${{ secrets.${name} }}`,
      expected: 'a value that may be recorded',
      hint: 'what this step does is kept in the record; use the secret in a step of yours, by ctx.secret, where it is needed and goes no further',
    },
  ];
}
