/** `holdfast check`: every problem of a plan at once. Asks no server. */
import type { Plan } from '../model/plan/plan.ts';
import { planGraph } from '../model/plan/graph/graph.ts';
import { formatProblems } from '../model/plan/problem/problem.ts';
import { CONFIG_OPTIONS, EXIT, type CommandSpec } from './command.ts';
import { badPlan, builtInMeant, checkPlanFile, stepsOnTrust } from './plan-file.ts';
import { counted } from '../model/counted.ts';
import { shellWord } from '../model/shell-word.ts';

export const checkCommand: CommandSpec<object> = {
  name: 'check',
  arguments: [['<plan>', 'a plan in YAML or JSON; - for standard input']],
  description:
    'Steps are checked against holdfast.config.ts (or --steps) where there is one; ' +
    'else steps that are not built in are taken on trust.',
  options: CONFIG_OPTIONS,
  examples: [
    ['holdfast check plan.yaml', ''],
    ['holdfast check plan.yaml --steps src/steps.ts', "also the names and inputs of one's own steps"],
    ['holdfast check plan.yaml --json', 'problems as data'],
  ],
  async run(context, [file]) {
    const config = await context.config();
    const known = config.files.length === 0 ? undefined : config.steps.map(({ contract }) => contract);
    const checked = await checkPlanFile(context.terminal, file!, known);
    if (!checked.ok) {
      // With --json a failure like any other, its problems in `details`.
      if (context.options.json === true) throw badPlan(checked.problems, file!);
      return { code: EXIT.badInput, data: undefined, text: formatProblems(checked.problems, file!) };
    }
    const { plan } = checked;
    const trusted = stepsOnTrust(plan, known);
    const superSteps = planGraph(plan).superSteps.length;
    const size = `${counted(plan.steps.length, 'step')} in ${counted(superSteps, 'super-step')}`;
    const named = trusted.map(builtInMeant).join(', ');
    const lines = [
      `${file!}: no problems. Plan ${plan.name}, ${size}.`,
      ...(trusted.length === 0 ? [] : [`Taken on trust, as no configuration names steps here: ${named}.`]),
      `Start it with: ${startCommand(plan, file!)}`,
    ];
    return {
      code: EXIT.ok,
      data: { ok: true, plan: plan.name, steps: plan.steps.length, superSteps, takenOnTrust: trusted, problems: [] },
      text: lines.join('\n'),
    };
  },
};

/** With a place for each input that has no default. */
function startCommand({ input }: Plan, file: string): string {
  const wanted = (input?.required ?? []).filter((name) => input?.properties?.[name]?.default === undefined);
  return ['holdfast start', shellWord(file), ...wanted.map((name) => `${name}=…`)].join(' ');
}
