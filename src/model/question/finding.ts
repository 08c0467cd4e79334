/** One thing that a question is about: a resource, what is wrong with it, both sides, the offered answers. */
import * as z from 'zod';
import { AnswerSchema, FindingClassSchema } from './answer.ts';
import { digestOf, DigestSchema, type Digest } from '../digest.ts';

export const FindingKindSchema = z.enum([
  'changed',
  'missing',
  'appeared',
  'kind-changed',
  'mode-changed',
  'unreadable',
  'unreachable',
  'row-changed',
  'row-missing',
  'row-appeared',
  'schema-changed',
  'table-missing',
  'token-missing',
  'token-unknown',
  'token-changed',
  'database-replaced',
  'database-restored',
  'watch-changed',
  'code-changed',
  'plan-changed',
  'ledger-behind',
  'ledger-missing',
  'ledger-damaged',
  'checkpoint-damaged',
  'cannot-resume',
  'blob-damaged',
  'workspace-missing',
  'bound-to-another-job',
  'ahead-after-reset',
  'target-neither-before-nor-after',
  'approval',
  'outcome-unknown',
  'performed-otherwise',
  'performed-and-not-asked-for',
  'step-cannot-go-on',
  'decision-not-carried-out',
  'inputs-keep-changing',
  'changed-since',
  'compensation-failed',
  'undone-after-reset',
]);
/** What is wrong with a resource, or what is asked about it. docs/questions.md tells each. */
export type FindingKind = z.infer<typeof FindingKindSchema>;

/** One side of a finding. `text`: for people. */
export const SideSchema = z.strictObject({
  /** SHA-256 of the state, 64 hex digits. Null: there is nothing that could have one. */
  digest: DigestSchema.nullable(),
  /** Of a file. */
  sizeBytes: z.int().optional(),
  /** Of a file or folder, octal: `0644`. */
  mode: z.string().optional(),
  /** For people. */
  text: z.string(),
});

/** The form of a finding. */
export const FindingSchema = z.strictObject({
  /** `file:report.md`, `row:main/note/{"id":1}`, `perform:charge/charge`: a decision's `items` name it so. */
  resource: z.string(),
  /** It settles which answers there are. */
  class: FindingClassSchema,
  /** What is wrong, or what is asked. */
  kind: FindingKindSchema,
  /** As the record has it. */
  expected: SideSchema,
  /** As the world shows it. */
  found: SideSchema,
  /** The step whose record says what is expected, the number of that record, and when it was made. */
  recordedBy: z.strictObject({ stepId: z.string(), generation: z.int(), seq: z.int(), at: z.string() }).optional(),
  /** Has no step made it: did one only read it, or does the plan only watch it? Absent: no. */
  wasOnlyRead: z.literal(true).optional(),
  /** Steps that used what has changed, and steps that used their outputs. `accept` does not run them again. */
  staleSteps: z.array(z.string()),
  /** What `rerun` runs again. */
  rerunSteps: z.array(z.string()),
  /** Calls of those steps that can't be undone: each is kept, unless `items` answers `repeat` for it. */
  keeps: z.array(z.string()).optional(),
  /**
   * Steps among those whose statements nothing undoes: they run again only where `items` answers `repeat` for `name`.
   * text: the first of the statements.
   */
  repeats: z.array(z.strictObject({ name: z.string(), text: z.string() })).optional(),
  /** How many each list has in the record, where a payload holds only the first. */
  totals: z
    .strictObject({
      staleSteps: z.int().optional(),
      rerunSteps: z.int().optional(),
      keeps: z.int().optional(),
      repeats: z.int().optional(),
    })
    .optional(),
  /** Readable, cut to a bound. */
  difference: z.string(),
  /** Offered answers, in the order of the table. */
  answers: z.array(AnswerSchema),
  /** What the person should do, where it is not plain. */
  advice: z.string().optional(),
});
/** One thing that a question is about. */
export type Finding = z.infer<typeof FindingSchema>;

/** What identifies findings: without texts for people. */
export function findingsIdentity(findings: readonly Finding[]): Digest {
  return digestOf(
    findings.map(({ resource, class: cls, kind, expected, found }) => ({
      resource,
      class: cls,
      kind,
      expected: expected.digest ?? expected.text,
      found: found.digest ?? found.text,
    })),
  );
}

/** Must `happened` come with the call's answer? Of the other calls the record has it. */
export function needsResult(finding: Pick<Finding, 'kind'>): boolean {
  return finding.kind === 'outcome-unknown';
}
