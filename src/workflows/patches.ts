/**
 * Every `patched()` id of this project, in one place: why it is there, since when, and when it can go. A recorded
 * history in test/replay/histories holds each old behaviour; taking a guard away makes its replay fail.
 */
import { patched } from '@temporalio/workflow';

interface Patch {
  readonly why: string;
  readonly since: string;
  /** When the guard can be replaced by `deprecatePatch`, then removed. */
  readonly until: string;
}

export const PATCHES = {
  'ask-when-no-input-can-be-made': {
    why:
      "A plan's step that could not be given its input (a reference without a value), or whose output did " +
      "not fit the state, failed the job. Now a person is asked, as for every step that can't go on.",
    since: '0.1.0',
    until: 'No job that was started before 0.1.0 is running or will be reset to before its failure.',
  },
  'rerun-voids-what-was-asked-before': {
    why:
      'A step that waited while a person decided to run earlier steps again was asked once more with its ' +
      'old input before those had run. Now whatever was asked before is void, and is asked anew with what ' +
      'its input is by then.',
    since: '0.1.0',
    until: 'No job that was started before 0.1.0 is running or will be reset to before such a decision.',
  },
  'steps-in-a-window': {
    why:
      'All steps that could run were requested at once: beyond what the server takes in one message, or holds ' +
      'of pending Activities, the Workflow Task failed for ever. Now so many are requested as fit, in order.',
    since: '0.2.0',
    until: 'No job that was started before 0.2.0 is running or will be reset.',
  },
} as const satisfies Record<string, Patch>;

export type PatchId = keyof typeof PATCHES;

/** True where the new behaviour holds: on first execution, and in histories that recorded it. */
export function isPatched(id: PatchId): boolean {
  return patched(id);
}
