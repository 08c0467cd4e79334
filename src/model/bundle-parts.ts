/**
 * What Holdfast adds to a bundle of Workflows. Each part has a module of its own, which says by `noteLoaded` that it is
 * there: a bundle's code tells by the part's mark what it holds, and a running job what was loaded for it.
 *
 * Invariant: a part's mark stands in its own module alone, so that no bundle without that module has it.
 */
const WORDS = {
  interceptors: "Holdfast's module of Workflow interceptors",
  payloadConverter: "Holdfast's payload converter",
  agentJob: '`agentJob`, which runs plans',
} as const;

export type BundlePart = keyof typeof WORDS;

/** What guarded jobs, a plan's among them, can't do without. */
export const NEEDED_BY_JOBS: readonly BundlePart[] = ['interceptors', 'payloadConverter'];

const loaded = new Set<BundlePart>();

/** @returns the mark, for whoever looks for it in a bundle's code */
export function noteLoaded(part: BundlePart, mark: string): string {
  loaded.add(part);
  return mark;
}

export function isLoaded(part: BundlePart): boolean {
  return loaded.has(part);
}

/** Those of `needed` that are not there, in words; undefined: none. */
export function missingParts(
  needed: readonly BundlePart[],
  isThere: (part: BundlePart) => boolean,
): string | undefined {
  const missing = needed.filter((part) => !isThere(part)).map((part) => WORDS[part]);
  const [last, ...others] = missing.toReversed();
  return others.length === 0 ? last : `${others.toReversed().join(', ')} and ${last}`;
}
