/** A finding for each recorded resource that differs, but for rows whose difference their table's schema implies. */
import type { Finding } from '../../model/question/finding.ts';
import { formatResource, parseResource, type Resource } from '../../model/record/resource.ts';
import { HIDES_ROWS, type ResourceState, type Sighting } from '../../model/record/world.ts';
import { conflictFinding } from '../question/conflict.ts';
import { describeDifference } from '../question/describe.ts';
import { discrepancyFinding } from '../question/discrepancy.ts';
import { unseenFinding } from '../question/unseen.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { ComparedRecord } from './comparison.ts';
import type { Expectation, Expectations } from './expectations.ts';
import { differingSchema, isImpliedBySchema, withoutLostColumns } from './lost-columns.ts';
import { affectedSteps } from './reruns.ts';
import { whileInPlace } from './while-in-place.ts';
import { StepHistory } from './step-history.ts';

/** differing: what is there now of each resource that differs. */
export async function reportDifferences(
  record: ComparedRecord,
  expectations: Expectations,
  differing: ReadonlyMap<string, Sighting>,
): Promise<readonly Finding[]> {
  if (differing.size === 0) return [];
  const history = await StepHistory.of(record.ledger, record.jobId);
  const findings: Finding[] = [];
  const leadOut = foldersThatLeadOut(differing);
  for (const [resource, sighting] of differing) {
    const expectation = expectations.get(resource)!;
    if (sighting.outcome !== 'seen') {
      findings.push(unseenFinding(resource, sighting, expectation.entry));
      continue;
    }
    const found = sighting.state;
    const schema = differingSchema(resource, differing);
    if (isImpliedBySchema(schema, found, expectation.acceptable)) continue;
    const hidesRecorded = found.kind === 'symlink' && leadOut.has(resource);
    findings.push(await reportDifference(record, history, { resource, found, expectation, schema, hidesRecorded }));
  }
  return findings;
}

/** Each folder of the files that can't be read because one of their folders is a link out of the workspace. */
function foldersThatLeadOut(differing: ReadonlyMap<string, Sighting>): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const [uri, sighting] of differing) {
    if (sighting.outcome !== 'unreadable' || sighting.leadsOutside !== true) continue;
    const resource = parseResource(uri);
    if (resource.kind !== 'file') continue;
    const names = resource.path.split('/');
    for (let depth = names.length - 1; depth > 0; depth -= 1) {
      const folder = formatResource({ kind: 'file', path: names.slice(0, depth).join('/') });
      // Whose folders are there as well.
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders;
}

interface Difference {
  readonly resource: string;
  readonly found: ResourceState;
  readonly expectation: Expectation;
  /** Of a row's table, where it differs, too. */
  readonly schema: ResourceState | undefined;
  /** Is it a link out of the workspace, in place of a folder whose files the record has? */
  readonly hidesRecorded: boolean;
}

async function reportDifference(
  record: ComparedRecord,
  history: StepHistory,
  { resource, found, expectation, schema, hidesRecorded }: Difference,
): Promise<Finding> {
  const { acceptable, entry, applying } = expectation;
  if (applying !== undefined) {
    const difference = await describeDifference(record, { resource, expected: applying.after, found });
    return conflictFinding({ resource, target: applying, found, difference, owner: 'step' });
  }
  const expected = acceptable[0]!;
  const shown = schema === undefined ? expected : withoutLostColumns(expected, found);
  const { isRestorable, damage } = await recordedOf(record.workspace, expected);
  const wasOnlyRead = entry?.role === 'read' || entry?.role === 'watched';
  const difference = await describeDifference(record, { resource, expected: shown, found, wasOnlyRead });
  return discrepancyFinding({
    resource,
    expected,
    found,
    recorded: entry,
    ...affectedSteps(record, history, { resource, found, entry }),
    difference: [...(damage === undefined ? [] : [damage]), difference].join('\n'),
    isRestorable,
    mayBeHidden: hidesRows(record, resource),
    hidesRecorded,
    origin:
      entry?.role === 'watched' && resource.startsWith('file:')
        ? whileInPlace(record.ledger, record.jobId, resource, found)
        : undefined,
  });
}

function hidesRows({ manifest }: ComparedRecord, uri: string): boolean {
  if (!uri.startsWith('row:')) return false;
  const { database, table } = parseResource(uri) as Extract<Resource, { kind: 'row' }>;
  const schema = manifest.get(formatResource({ kind: 'schema', database, table }))?.state;
  return schema?.kind === 'schema' && schema.behaviour?.includes(HIDES_ROWS) === true;
}

/** `damage`: what the record has of it is there and is not what was put there. */
interface Recorded {
  readonly isRestorable: boolean;
  readonly damage?: string;
}

/** A content is read whole: offering to restore a damaged one would promise what can't be done. */
async function recordedOf({ blobs }: Pick<Workspace, 'blobs'>, expected: ResourceState): Promise<Recorded> {
  switch (expected.kind) {
    case 'file': {
      const found = await blobs.verify(expected.content);
      if (found !== 'damaged') return { isRestorable: found === 'intact' };
      const where = blobs.pathOf(expected.content);
      return { isRestorable: false, damage: `The record's copy of it is damaged: "${where}". A sound one mends it.` };
    }
    case 'absent':
    case 'directory':
    case 'symlink':
    case 'row':
      return { isRestorable: true };
    default:
      return { isRestorable: false };
  }
}
