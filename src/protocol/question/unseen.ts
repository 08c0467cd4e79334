/** What could not be looked at: neither gone nor unchanged. A person makes it readable or reachable, then rechecks. */
import type { HoldfastError } from '../../model/failure.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import { formatResource } from '../../model/record/resource.ts';
import type { UnseenSighting } from '../look/sighting.ts';
import type { UnreachableDatabase } from '../workspace/term.ts';
import { clipped, finding, sideOf, textSide } from './finding.ts';

/** entry: what the record has of the resource, if anything. */
export function unseenFinding(resource: string, sighting: UnseenSighting, entry: ManifestEntry | undefined): Finding {
  const { outcome, reason } = sighting;
  const isUnreadable = outcome === 'unreadable';
  const wish = isUnreadable ? 'can be read' : 'can be reached';
  return finding({
    resource,
    class: 'unverifiable',
    kind: outcome,
    expected: entry === undefined ? textSide(wish) : sideOf(entry.state),
    found: textSide(clipped(`${outcome}: ${reason}`)),
    recorded: entry,
    advice: adviceFor(resource, sighting),
  });
}

function adviceFor(resource: string, sighting: UnseenSighting): string {
  if (sighting.outcome === 'unreachable') return 'Make it reachable, then answer recheck.';
  // No permission helps: what lies behind such a link is never read.
  if (sighting.leadsOutside === true)
    return (
      'Nothing is read through a link that leads out of the workspace: put the folder itself there in place of the ' +
      'link, or mend the link, then answer recheck.'
    );
  if (sighting.isDamaged === true)
    return (
      'Put a sound copy of the database in its place, or mend it in place, then answer recheck: what the copy lacks ' +
      'is asked about.'
    );
  if (resource.startsWith('row:'))
    return (
      'Give the worker access to it: its role must be allowed to read the table (GRANT), and to see the row (row ' +
      'level security). Then answer recheck.'
    );
  return 'Give the worker access to it, then answer recheck.';
}

/** A failure to reach or to read a resource: whether it may pass by itself decides which. */
export function unreachableFinding(resource: string, error: HoldfastError): Finding {
  return unseenFinding(
    resource,
    error.retryable
      ? { outcome: 'unreachable', reason: error.message }
      : {
          outcome: 'unreadable',
          reason: error.message,
          ...(error.type === 'database-damaged' ? { isDamaged: true } : {}),
        },
    undefined,
  );
}

/** One finding for each database that could not be fenced. */
export function unreachableFindings(databases: readonly UnreachableDatabase[]): readonly Finding[] {
  return databases.map(({ name, error }) =>
    unreachableFinding(formatResource({ kind: 'database', database: name }), error),
  );
}
