/**
 * An edit: a person puts in by hand what a step of the job comes to, its output and what it writes to the state. What a
 * person sends, and the Activity `edit`. Its answer is that of a decision.
 */
import * as z from 'zod';
import { jsonBytes, type Json, type JsonObject } from '../canonical-json.ts';
import { JsonObjectSchema, JsonSchema } from '../json.ts';
import { parsedAs, type Parsed } from '../parsed.ts';
import { AnswerSchema } from '../question/answer.ts';
import { WhySchema, whoSchema } from '../question/who-and-why.ts';
import { ChainPlaceSchema } from './chain-place.ts';

/** Of all that people have put in by hand of a job and that is in force: each new Run is given it. */
export const MAX_EDITS_BYTES = 65_536;

/** The Signal and Update `updateState`: a step counts as done, with what a person gives in place of its code. */
export const EditSchema = z
  .strictObject({
    /** The step, by its id. */
    asNode: z.string().min(1, "expected a step's id").max(200),
    /** What it writes to the state: channel → value, through the reducers. Default: what its output gives. */
    values: JsonObjectSchema.optional(),
    /** Its output, as its contract has it. Default: the one that the record has; null where nothing refers to it. */
    output: JsonSchema.optional(),
    /** Who edits: an email address, for example. At most 200 characters. */
    by: whoSchema('edits'),
    /** Why. At most 2,000 characters. */
    reason: WhySchema,
    /** Of what is taken back and nothing undoes, as for a rewind: `statements:STEP` and `perform:STEP/NAME`. */
    items: z.record(z.string(), AnswerSchema).optional(),
  })
  .refine(({ values, output }) => values !== undefined || output !== undefined, {
    path: ['values'],
    message: 'expected values for the state, an output, or both',
  });
/** What a person sends to edit a job's state. */
export type Edit = z.infer<typeof EditSchema>;

/** Never throws. */
export function parseEdit(value: unknown): Parsed<Edit> {
  const parsed = parsedAs(EditSchema, value);
  if ('problems' in parsed) return parsed;
  const { values = null, output = null } = parsed.value;
  const sizeBytes = jsonBytes([values, output] as Json);
  if (sizeBytes <= MAX_EDITS_BYTES) return parsed;
  return { problems: [`values and output have ${sizeBytes} bytes; at most ${MAX_EDITS_BYTES} are allowed`] };
}

export const EditRequestSchema = z.strictObject({
  jobId: z.string(),
  workspace: z.string(),
  edit: EditSchema,
  /** How far the Workflow knew the record when it asked: the same edit asked for later is another one. */
  known: ChainPlaceSchema,
  /** The contract that the step's code has, as far as the Workflow knows it. */
  step: z.string().optional(),
  /** Its output is a list of what the contract has. */
  isList: z.boolean().optional(),
  /** Nothing refers to its output: null will do. */
  isOutputUnused: z.boolean().optional(),
  /** Steps that run again whatever the record says that they used. Absent: all that was recorded after it. */
  readers: z.array(z.string()).optional(),
  /** Only where it has been begun: an attempt before failed, and a comparison may have completed it. */
  onlyBegun: z.boolean().optional(),
  /** How many of the steps that run again are known. */
  rerunsFrom: z.int().min(0).optional(),
});
export type EditRequest = z.infer<typeof EditRequestSchema>;

/** What the Workflow knows of a step that is edited. */
export type EditedStep = Pick<EditRequest, 'step' | 'isList' | 'isOutputUnused' | 'readers'>;

/** What an edit would do, as the Workflow knows it. */
export interface EditPreview {
  /** Why it can't be used; empty: it can, as far as the Workflow knows. */
  readonly problems: readonly string[];
  /** What the state holds after it of the channels that it writes. */
  readonly values: JsonObject;
}
