/** Which versions of a worker deployment get jobs, as a Task Queue or the deployment itself has it. */
import { defined } from '../model/defined.ts';
import type { NamedVersion } from '../model/job/version.ts';

/** Where jobs go that are pinned to no version. */
export interface Routing {
  /** Absent: to workers without Worker Versioning. */
  readonly current?: NamedVersion;
  /** Of which a part goes here. */
  readonly ramping?: NamedVersion;
}

interface RawVersion {
  readonly deploymentName?: string | null;
  readonly buildId?: string | null;
}

export interface RawRouting {
  readonly currentDeploymentVersion?: RawVersion | null;
  readonly rampingDeploymentVersion?: RawVersion | null;
  readonly rampingVersionPercentage?: number | null;
}

export function readRouting(raw: RawRouting | null | undefined): Routing | undefined {
  if (raw == null) return undefined;
  const isRamping = (raw.rampingVersionPercentage ?? 0) > 0;
  return defined({
    current: readVersion(raw.currentDeploymentVersion),
    ramping: isRamping ? readVersion(raw.rampingDeploymentVersion) : undefined,
  });
}

function readVersion(raw: RawVersion | null | undefined): NamedVersion | undefined {
  const { deploymentName, buildId } = raw ?? {};
  return deploymentName == null || deploymentName === '' || buildId == null ? undefined : { deploymentName, buildId };
}
