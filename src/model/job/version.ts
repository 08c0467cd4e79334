/** Which version of a worker deployment runs a job, where its workers run with Worker Versioning. Pure. */
import * as z from 'zod';
import { shellWord } from '../shell-word.ts';

export const JobVersionSchema = z.strictObject({
  /** Of the Worker Deployment that the workers belong to. */
  deploymentName: z.string(),
  /** Of the workers' build, within the deployment. */
  buildId: z.string(),
  /** `pinned`: the job goes on with workers of this version alone. `auto-upgrade`: with those of the current one. */
  behavior: z.enum(['pinned', 'auto-upgrade']),
});
/** Which workers a job goes on with, where they have Worker Versioning. */
export type JobVersion = z.infer<typeof JobVersionSchema>;

/** A version of a worker, as the server names one. */
export type NamedVersion = Pick<JobVersion, 'deploymentName' | 'buildId'>;

export function isSameVersion(one: NamedVersion, other: NamedVersion): boolean {
  return one.deploymentName === other.deploymentName && one.buildId === other.buildId;
}

/** `reports:2 (pinned)` */
export function versionText(version: JobVersion): string {
  return `${versionName(version)} (${version.behavior})`;
}

/** `reports:2` */
export function versionName({ deploymentName, buildId }: NamedVersion): string {
  return `${deploymentName}:${buildId}`;
}

/** Sends new jobs to a version, and those that are pinned to none. */
export function makeCurrent(version: NamedVersion): string {
  return `temporal worker deployment set-current-version ${versionFlags(version)}`;
}

/** `--deployment-name reports --build-id 2` */
export function versionFlags({ deploymentName, buildId }: NamedVersion): string {
  return `--deployment-name ${shellWord(deploymentName)} --build-id ${shellWord(buildId)}`;
}
