/** A resource that is not as the record says. */
import type { Answer } from '../../model/question/answer.ts';
import type { Finding, FindingKind } from '../../model/question/finding.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import { runsAgain } from '../../model/question/unrepeatable.ts';
import { ABSENT, type ResourceState } from '../../model/record/world.ts';
import { discrepancyAdvice } from './discrepancy-advice.ts';
import { cut, finding, sideOf, type FindingSide } from './finding.ts';
import { schemaSidesText } from './schema-sides.ts';

export interface Discrepancy {
  readonly resource: string;
  readonly expected: ResourceState;
  readonly found: ResourceState;
  readonly recorded: ManifestEntry | undefined;
  /** Steps that used what has changed, and steps that used theirs. */
  readonly staleSteps: readonly string[];
  /** Steps that `rerun` runs again; none: `rerun` is not offered. */
  readonly rerunSteps: readonly string[];
  readonly difference: string;
  /** Is what the record has of it at hand? */
  readonly isRestorable: boolean;
  /** A row of a table that hides rows from this role, as the record knows: then gone may be hidden. */
  readonly mayBeHidden?: boolean;
  /** A link out of the workspace, where a folder was whose files the record has. */
  readonly hidesRecorded?: boolean;
  /** What is known of how it came, and what is not. */
  readonly origin?: string | undefined;
}

export function discrepancyFinding({
  isRestorable,
  mayBeHidden,
  hidesRecorded,
  origin,
  ...discrepancy
}: Discrepancy): Finding {
  const { resource, expected, found, rerunSteps } = discrepancy;
  const kind = discrepancyKind(resource, expected, found);
  const impossible: Answer[] = [];
  if (!isRestorable) impossible.push('restore');
  if (rerunSteps.length === 0) impossible.push('rerun');
  if (hidesRecorded === true) impossible.push('accept');
  const sides = sidesOf(discrepancy);
  return finding({
    ...discrepancy,
    class: 'discrepancy',
    kind,
    ...sides,
    found: mayBeHidden === true && found.kind === 'absent' ? { ...sides.found, text: GONE_OR_HIDDEN } : sides.found,
    impossible,
    advice: hidesRecorded === true ? HIDES_RECORDED : adviceFor(discrepancy, kind, origin),
  });
}

function adviceFor(
  discrepancy: Omit<Discrepancy, 'isRestorable'>,
  kind: FindingKind,
  origin?: string,
): string | undefined {
  const { resource, recorded } = discrepancy;
  if (leadsElsewhere(discrepancy)) return LEADS_ELSEWHERE;
  return origin ?? discrepancyAdvice({ kind, resource, recorded });
}

const GONE_OR_HIDDEN = 'not there, or hidden from this role by row level security';
const HIDES_RECORDED =
  'The link leads out of the workspace, where nothing is read: with accept, what the record has below it could never ' +
  'be compared again, so accept is not offered. Put the folder itself there in place of the link, then answer recheck.';
const LEADS_ELSEWHERE =
  'To go on with the recorded table, let the name lead to it again (rename it back, name it with its schema, set the ' +
  'search_path back), then answer recheck. accept goes on with what the name leads to now.';

/** Is the recorded table still there, and its name leads to another one, or to none? */
function leadsElsewhere({ resource, difference }: Pick<Discrepancy, 'resource' | 'difference'>): boolean {
  return resource.startsWith('schema:') && difference.startsWith('the name leads to ');
}

/** Of a table each side shows what the other lacks: all of it would be the same sentence twice. */
function sidesOf(discrepancy: Omit<Discrepancy, 'isRestorable'>): Record<'expected' | 'found', FindingSide> {
  const { expected, found, difference } = discrepancy;
  const sides = { expected: sideOf(expected), found: sideOf(found) };
  if (leadsElsewhere(discrepancy) && found.kind === 'absent')
    return { ...sides, found: { ...sides.found, text: cut(difference) } };
  const texts = expected.kind === 'schema' && found.kind === 'schema' ? schemaSidesText(expected, found) : undefined;
  if (texts === undefined) return sides;
  return { expected: { ...sides.expected, text: texts.expected }, found: { ...sides.found, text: texts.found } };
}

/** A file that matches a watched pattern and that the record does not have. */
export function appearedFinding(resource: string, found: ResourceState, difference: string): Finding {
  return finding({
    resource,
    class: 'discrepancy',
    kind: 'appeared',
    expected: sideOf(ABSENT),
    found: sideOf(found),
    impossible: ['restore', 'rerun'],
    difference,
    advice: 'It matches a watched pattern. accept takes it into the record; or take it away and answer recheck.',
  });
}

/** While a job is undone no step runs again any more. */
export function withoutRerun(finding: Finding): Finding {
  return { ...finding, rerunSteps: [], answers: finding.answers.filter((answer) => !runsAgain(answer)) };
}

function discrepancyKind(resource: string, expected: ResourceState, found: ResourceState): FindingKind {
  const isGone = found.kind === 'absent';
  switch (resource.slice(0, resource.indexOf(':'))) {
    case 'row':
      if (isGone) return 'row-missing';
      return expected.kind === 'absent' ? 'row-appeared' : 'row-changed';
    case 'schema':
      return isGone ? 'table-missing' : 'schema-changed';
    case 'token':
      return isGone ? 'token-missing' : 'token-changed';
    case 'database':
      return 'database-replaced';
    case 'code':
      return 'code-changed';
    case 'plan':
      return 'plan-changed';
    case 'query':
    case 'command':
    case 'endpoint':
      return 'watch-changed';
    default:
      return fileDiscrepancyKind(expected, found);
  }
}

function fileDiscrepancyKind(expected: ResourceState, found: ResourceState): FindingKind {
  if (found.kind === 'absent') return 'missing';
  if (expected.kind === 'absent') return 'appeared';
  if (expected.kind !== found.kind) return 'kind-changed';
  const hasSameContent = expected.kind === 'file' && found.kind === 'file' && expected.content === found.content;
  return hasSameContent ? 'mode-changed' : 'changed';
}
