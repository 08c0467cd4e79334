/**
 * Findings that say the same of many files in one folder, such as after `git clean`: shown as one, so that a person
 * sees what happened and not a screen for each file.
 */
import type { Finding } from '../model/question/finding.ts';

/** Fewer are shown each with its difference. */
const MIN_ALIKE = 4;

/** One finding, or several that are alike but for the file's name and content. */
export interface ShownFindings {
  readonly first: Finding;
  readonly all: readonly Finding[];
  /** The place of the first in the question, from 1. */
  readonly number: number;
}

export function alikeFindings(findings: readonly Finding[]): readonly ShownFindings[] {
  const groups = new Map<string, Finding[]>();
  for (const one of findings) {
    const key = likeness(one);
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const shown: ShownFindings[] = [];
  const done = new Set<string>();
  for (const [place, first] of findings.entries()) {
    const key = likeness(first);
    const alike = key === undefined ? [] : groups.get(key)!;
    const number = place + 1;
    if (key === undefined || alike.length < MIN_ALIKE) shown.push({ first, all: [first], number });
    else if (!done.has(key)) shown.push({ first, all: alike, number });
    if (key !== undefined) done.add(key);
  }
  return shown;
}

/** `docs/`; of a file at the root `./`. */
export function folderOf({ resource }: Pick<Finding, 'resource'>): string {
  return resource.slice('file:'.length, resource.lastIndexOf('/') + 1) || './';
}

/** Undefined: shown by itself. Of what is gone there is nothing to see but that it is. */
function likeness(one: Finding): string | undefined {
  if (one.kind !== 'missing' || !one.resource.startsWith('file:')) return undefined;
  const { answers, staleSteps, rerunSteps, keeps, repeats, recordedBy, advice } = one;
  const by = recordedBy?.stepId;
  return JSON.stringify([folderOf(one), answers, staleSteps, rerunSteps, keeps, repeats, by, advice]);
}
