/** Worker Versioning on the command line: which version the worker is. A flag takes the place of what is configured. */
import { Option } from 'commander';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { makeCurrent, versionText } from '../model/job/version.ts';
import type { WorkerOptions } from '../worker.ts';

type Passed = NonNullable<WorkerOptions['temporal']>;
type Deployment = NonNullable<Passed['workerDeploymentOptions']>;

export interface DeploymentFlags {
  readonly deploymentName?: string;
  readonly buildId?: string;
  readonly versioningBehavior?: keyof typeof BEHAVIORS;
}

export interface DeploymentText {
  readonly version: string;
  readonly next: string;
}

const BEHAVIORS = { 'auto-upgrade': 'AUTO_UPGRADE', pinned: 'PINNED' } as const;

export const DEPLOYMENT_OPTIONS: readonly Option[] = [
  new Option(
    '--deployment-name <name>',
    'with --build-id: run with Worker Versioning, as a version of this deployment',
  ),
  new Option('--build-id <id>', 'which version of the deployment this worker is, for example a commit'),
  new Option(
    '--versioning-behavior <behavior>',
    'of jobs that do not say it themselves: go on with the current version, or with their own; default: auto-upgrade',
  ).choices(Object.keys(BEHAVIORS)),
];

/** What the configuration hands on to Temporal's Worker, with the version that the flags name. @throws HoldfastError */
export function withDeployment(temporal: Passed | undefined, flags: DeploymentFlags): Passed | undefined {
  const { deploymentName, buildId, versioningBehavior } = flags;
  if (deploymentName === undefined && buildId === undefined && versioningBehavior === undefined) return temporal;
  const configured: Partial<Deployment> = temporal?.workerDeploymentOptions ?? {};
  const version = { ...configured.version, ...defined({ deploymentName, buildId }) };
  for (const [key, flag, what] of [
    ['deploymentName', '--deployment-name NAME', 'deployment name'],
    ['buildId', '--build-id ID', 'build id'],
  ] as const)
    if ((version[key] ?? '').trim() === '')
      throw new HoldfastError(
        'bad-input',
        `Worker Versioning needs a ${what}; neither flags nor configuration have one.`,
        {
          nextStep: `Add ${flag}, or leave ${given(flags)} out.`,
        },
      );
  const behavior =
    versioningBehavior === undefined ? configured.defaultVersioningBehavior : BEHAVIORS[versioningBehavior];
  return {
    ...temporal,
    workerDeploymentOptions: {
      useWorkerVersioning: true,
      version: version as Deployment['version'],
      ...defined({ defaultVersioningBehavior: behavior }),
    },
  };
}

function given({ deploymentName, buildId, versioningBehavior }: DeploymentFlags): string {
  const names = [
    deploymentName === undefined ? [] : '--deployment-name',
    buildId === undefined ? [] : '--build-id',
    versioningBehavior === undefined ? [] : '--versioning-behavior',
  ];
  return names.flat().join(' and ');
}

/** The version that a worker runs as, and what makes the server send it jobs. */
export function deploymentText(temporal: Passed | undefined): DeploymentText | undefined {
  const deployment = temporal?.workerDeploymentOptions;
  if (deployment?.useWorkerVersioning !== true) return undefined;
  const behavior = deployment.defaultVersioningBehavior === 'PINNED' ? 'pinned' : 'auto-upgrade';
  return {
    version: versionText({ ...deployment.version, behavior }),
    next: makeCurrent(deployment.version),
  };
}
