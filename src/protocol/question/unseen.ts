/** What could not be looked at: neither "gone" nor "unchanged", so that a person makes it readable or reachable first. */
import type { HoldfastError } from '../../model/failure.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { Sighting } from '../../model/record/world.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { UnreachableDatabase } from '../workspace/term.ts';
import { finding, sideOf } from './finding.ts';

export function unseenFinding(
  resource: string,
  sighting: Extract<Sighting, { reason: string }>,
  entry: ManifestEntry | undefined,
): Finding {
  return finding({
    resource,
    class: 'unverifiable',
    kind: sighting.outcome,
    expected:
      entry === undefined
        ? { digest: null, text: sighting.outcome === 'unreadable' ? 'can be read' : 'can be reached' }
        : sideOf(entry.state),
    found: { digest: null, text: `${sighting.outcome}: ${sighting.reason}`.slice(0, 500) },
    recorded: entry,
    advice:
      sighting.outcome === 'unreadable'
        ? 'Give the worker access to it, then answer recheck.'
        : 'Make it reachable, then answer recheck.',
  });
}

export function unreachableFinding(resource: string, error: HoldfastError): Finding {
  return unseenFinding(
    resource,
    { outcome: error.retryable ? 'unreachable' : 'unreadable', reason: error.message },
    undefined,
  );
}

/** One finding a database that could not be fenced. */
export function unreachableFindings(databases: readonly UnreachableDatabase[]): readonly Finding[] {
  return databases.map(({ name, error }) =>
    unreachableFinding(formatResource({ kind: 'database', database: name }), error),
  );
}
