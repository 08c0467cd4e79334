/**
 * The one maker of a finding, and one side of it as a person reads it.
 *
 * Invariant: a finding offers the answers of its class's row in the table, less those that are impossible for it.
 */
import type { Answer, FindingClass } from '../../model/question/answer.ts';
import { shortDigest } from '../../model/digest.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import { offeredAnswers } from '../../model/question/question.ts';
import type { Finding, FindingKind } from '../../model/question/finding.ts';
import { stateDigest, type ResourceState, type Sighting } from '../../model/record/world.ts';

export function sideOf(sighting: Sighting | ResourceState): Finding['expected'] {
  if ('outcome' in sighting) {
    return sighting.outcome === 'seen'
      ? sideOf(sighting.state)
      : { digest: null, text: `${sighting.outcome}: ${sighting.reason}` };
  }
  const digest = stateDigest(sighting);
  switch (sighting.kind) {
    case 'absent':
      return { digest, text: 'not there' };
    case 'file': {
      const mode = sighting.mode.toString(8).padStart(4, '0');
      return {
        digest,
        sizeBytes: sighting.sizeBytes,
        mode,
        text: `${sighting.sizeBytes.toLocaleString('en-US')} bytes, mode ${mode}, content ${shortDigest(sighting.content)}`,
      };
    }
    case 'directory':
      return {
        digest,
        mode: sighting.mode.toString(8).padStart(4, '0'),
        text: `a folder, mode ${sighting.mode.toString(8).padStart(4, '0')}`,
      };
    case 'symlink':
      return { digest, text: `a symbolic link to ${sighting.target}` };
    case 'other':
      return { digest, text: `a ${sighting.what}` };
    case 'row':
      return { digest, text: cut(JSON.stringify(sighting.columns)) };
    case 'schema':
      return { digest, text: cut(`columns ${sighting.columns.map(({ name, type }) => `${name} ${type}`).join(', ')}`) };
    case 'token':
      return { digest, text: `applied intent ${shortDigest(sighting.intent)}` };
    case 'identity':
      return { digest, text: `${sighting.name}, system ${sighting.system}, timeline ${sighting.timeline}` };
    case 'value':
      return { digest, text: cut(sighting.summary) };
  }
}

export function finding(
  fields: Pick<Finding, 'resource' | 'expected' | 'found'> & {
    readonly class: FindingClass;
    readonly kind: FindingKind;
    readonly recorded?: ManifestEntry | undefined;
    readonly staleSteps?: readonly string[];
    readonly rerunSteps?: readonly string[];
    readonly difference?: string;
    readonly impossible?: readonly Answer[];
    readonly advice?: string | undefined;
  },
): Finding {
  const { recorded } = fields;
  return {
    resource: fields.resource,
    class: fields.class,
    kind: fields.kind,
    expected: fields.expected,
    found: fields.found,
    ...(recorded?.stepId === undefined
      ? {}
      : {
          recordedBy: {
            stepId: recorded.stepId,
            generation: recorded.generation ?? 0,
            seq: recorded.seq,
            at: recorded.at,
          },
        }),
    staleSteps: [...(fields.staleSteps ?? [])],
    rerunSteps: [...(fields.rerunSteps ?? [])],
    difference: fields.difference ?? '',
    answers: offeredAnswers(fields.class, fields.impossible),
    ...(fields.advice === undefined ? {} : { advice: fields.advice }),
  };
}

/** Bounded: of a long text its beginning. */
export function cut(text: string): string {
  return text.length <= 500 ? text : `${text.slice(0, 500)}…`;
}
