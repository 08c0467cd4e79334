/**
 * Findings that say the same of many files in one folder, such as after `git clean`: shown as one, so that a person
 * sees what happened and not a screen for each file.
 */
import type { Finding } from '../model/question/finding.ts';

/** Fewer are shown each with its difference. */
const MIN_ALIKE = 4;
/** Of what can't be read for the same reason there is no difference to show. */
const MIN_UNSEEN = 2;

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
    if (key === undefined || alike.length < (first.kind === 'missing' ? MIN_ALIKE : MIN_UNSEEN))
      shown.push({ first, all: [first], number });
    else if (!done.has(key)) shown.push({ first, all: alike, number });
    if (key !== undefined) done.add(key);
  }
  return shown;
}

/** `12 files in docs/`, `3 rows of books/invoice`. */
export function placeOf({ resource }: Pick<Finding, 'resource'>, count: number): string {
  const [, kind, place] = /^(\w+):(.*)$/s.exec(resource)!;
  return kind === 'file'
    ? `${count} files in ${folderOf(place!)}`
    : `${count} rows of ${folderOf(place!).slice(0, -1)}`;
}

/** `docs/`; of a file at the root `./`. */
function folderOf(place: string): string {
  return place.slice(0, place.lastIndexOf('/') + 1) || './';
}

/** Undefined: shown by itself. Of what is gone, or can't be read, there is nothing to see but that it is. */
function likeness(one: Finding): string | undefined {
  const isAlike = one.kind === 'missing' || one.kind === 'unreadable' || one.kind === 'unreachable';
  // A key of a row may hold a slash.
  const isPlaced = one.resource.startsWith('file:') || /^row:[^{[]+\/\{[^/]*$/.test(one.resource);
  if (!isAlike || !isPlaced) return undefined;
  const { answers, staleSteps, rerunSteps, keeps, repeats, recordedBy, advice } = one;
  const by = recordedBy?.stepId;
  const [, kind, place] = /^(\w+):(.*)$/s.exec(one.resource)!;
  const reason = one.kind === 'missing' ? '' : one.found.text;
  const dependents = [answers, staleSteps, rerunSteps, keeps, repeats, by, advice];
  return JSON.stringify([one.kind, kind, folderOf(place!), reason, ...dependents]);
}
