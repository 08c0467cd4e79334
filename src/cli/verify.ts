/** `holdfast verify`: compares the world with the record now. Changes nothing, needs no worker and takes no lock. */
import { BUILT_IN_IMPLEMENTATIONS } from '../steps/built-in.ts';
import { WorkspaceInspection, type InspectedJob, type WorldInspection } from '../protocol/inspect/inspection.ts';
import type { LoadedConfig } from '../config.ts';
import { shownFindings } from '../model/question/shown-names.ts';
import type { Finding } from '../model/question/finding.ts';
import type { StepImplementation } from '../model/step/step.ts';
import { CONFIG_OPTIONS, CONNECTION_OPTIONS, EXIT, type CommandSpec, WORKSPACE_ARGUMENT } from './command.ts';
import { showDifference } from './show-finding.ts';
import { counted } from '../model/counted.ts';
import { bytes } from './table.ts';
import { onceASecond, whileSlow, type Terminal } from './terminal.ts';
import { workspaceFor } from './workspace-for.ts';
import { recordedByText } from './step-text.ts';

const ASKS =
  'The job asks about this when it next compares the world: after an answer or a restart, before a step that reads ' +
  'or replaces one of these, or once `verifyAfterMinutes` have passed.';

const ENDED = 'The job has ended, so that nobody is asked about this.';

export const verifyCommand: CommandSpec<object> = {
  name: 'verify',
  arguments: [WORKSPACE_ARGUMENT],
  description:
    'Exit code 4 when something differs. Databases are reached through the environment variables that the plan ' +
    "names, as a worker does. The versions of one's own steps are compared where holdfast.config.ts or --steps " +
    'names them.',
  options: [...CONFIG_OPTIONS, ...CONNECTION_OPTIONS],
  examples: [
    ['holdfast verify jobs/paris', ''],
    ['holdfast verify city-weather-1a2b3c4d', 'the workspace of this job'],
    ["holdfast verify jobs/paris --json | jq '.findings[] | [.resource, .kind]'", ''],
  ],
  async run(context, [target]) {
    const { terminal } = context;
    const config = await context.config();
    const { folder, job: name } = await workspaceFor(context, config, target!);
    await using inspection = await WorkspaceInspection.open(folder, terminal.env);
    const job = inspection.job(name);
    const progress = onceASecond(terminal, (done: number, total: number) => `  compared ${done} of ${total} files`);
    const world = await whileSlow(
      terminal,
      `Comparing ${inspection.root}`,
      inspection.compareWorld(job.jobId, { steps: knownSteps(config), onProgress: progress }),
    );
    const data = {
      workspace: inspection.root,
      job,
      agrees: world.findings.length === 0,
      resources: world.resources,
      sizeBytes: world.sizeBytes,
      stepsNotCompared: world.unknownSteps,
      findings: world.findings,
    };
    return {
      code: world.findings.length === 0 ? EXIT.ok : EXIT.differs,
      data,
      text: showWorld(terminal, world, job, inspection.root),
    };
  },
};

export function knownSteps(config: Pick<LoadedConfig, 'steps'>): ReadonlyMap<string, StepImplementation> {
  return new Map(
    [...BUILT_IN_IMPLEMENTATIONS, ...config.steps].map((step: StepImplementation) => [step.contract.name, step]),
  );
}

function showWorld(
  terminal: Terminal,
  world: WorldInspection,
  { workflowId, state }: Pick<InspectedJob, 'workflowId' | 'state'>,
  root: string,
): string {
  const looked = `${counted(world.resources, 'resource')}, ${bytes(world.sizeBytes)} of files`;
  const differ = world.findings.length === 1 ? 'One thing differs' : `${world.findings.length} things differ`;
  const from = `from the record of job ${workflowId} in ${root} (${looked}).`;
  const lines =
    world.findings.length === 0
      ? [`${terminal.style('green', 'Nothing differs')} ${from}`]
      : [
          `${terminal.style('yellow', differ)} ${from}`,
          ...shownFindings(world.findings).flatMap((finding) => ['', ...showFinding(terminal, finding)]),
        ];
  if (world.unknownSteps.length > 0)
    lines.push(
      '',
      terminal.style(
        'dim',
        `Not compared: the code of ${world.unknownSteps.join(', ')} ` +
          '(no configuration here names it; --config, --steps).',
      ),
    );
  if (world.findings.length > 0) lines.push('', 'Nothing was changed.', state === 'released' ? ENDED : ASKS);
  return lines.join('\n');
}

function showFinding(
  terminal: Terminal,
  { resource, kind, expected, found, recordedBy, staleSteps, advice, difference }: Finding,
): readonly string[] {
  const recorded = recordedBy === undefined ? '' : terminal.style('dim', `  (${recordedByText(recordedBy)})`);
  return [
    `${terminal.style('bold', resource)}  ${kind}`,
    `   expected  ${expected.text}${recorded}`,
    `   found     ${found.text}`,
    ...(staleSteps.length === 0 ? [] : [`   used by   ${staleSteps.join(', ')}`]),
    ...(advice === undefined ? [] : [`   advice    ${advice}`]),
    ...(difference === '' ? [] : ['', ...showDifference(terminal, difference).map((line) => `   ${line}`)]),
  ];
}
