/** What is looked at, and where. */
import type { KnownFiles } from '../../effects/files/known-files.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { Resource } from '../../model/record/resource.ts';
import type { ResourceState } from '../../model/record/world.ts';
import type { ProtocolHost } from '../host.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** Where to look. */
export interface LookPlace {
  readonly workspace: Workspace;
  readonly settings: JobSettings;
  readonly host: Pick<ProtocolHost, 'steps' | 'env'>;
  /** How many of how many files have been looked at. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** A quick look: files that are still as they were hashed last are not read. Default: every file is read. */
  readonly known?: KnownFiles | undefined;
  /** What the record has of a resource. */
  readonly recorded?: (resource: string) => ResourceState | undefined;
}

/** One resource to look at, with what the record has of it (which columns a row covers). */
export interface LookRequest {
  readonly resource: string;
  readonly recorded?: ResourceState | undefined;
}

/** A request with its resource taken apart. */
export interface ParsedRequest<R extends Resource = Resource> {
  readonly request: LookRequest;
  readonly resource: R;
}

export type DatabaseResource = Extract<Resource, { database: string }>;
