/** What a command came to: its result, and what is recorded of a command in place. */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';
import { ObservationSchema } from '../record/observation.ts';

export const CommandResultSchema = z.strictObject({
  exitCode: z.int().min(0),
  stdout: z.string(),
  stderr: z.string(),
  /** Bytes of each that `stdout` and `stderr` leave out. */
  droppedBytes: z.int().min(0),
  /** Standard output and error as they came: a blob, with what it leaves out. */
  log: z.strictObject({ content: DigestSchema, sizeBytes: z.int().min(0), droppedBytes: z.int().min(0) }),
  /** How much it changed in its copy (`inPlace`: in the workspace). */
  changed: z.strictObject({
    written: z.int().min(0),
    removed: z.int().min(0),
    folders: z.int().min(0),
    links: z.int().min(0),
  }),
});
export type CommandResult = z.infer<typeof CommandResultSchema>;

/** What is recorded of a command in place: its result, and what the workspace held afterwards where it had changed. */
export const InPlaceAnswerSchema = z.strictObject({
  inPlace: z.literal(true),
  result: CommandResultSchema,
  found: z.array(ObservationSchema),
  /** Watched files that changed meanwhile, as they were then: perhaps not by the command, so that a person is asked. */
  watched: z.array(ObservationSchema).optional(),
});
export type InPlaceAnswer = z.infer<typeof InPlaceAnswerSchema>;

/** What a person says of a command in place that is known to have happened: `{ "exitCode": 0 }`, or null for that. */
export const ToldExitSchema = z.object({ exitCode: z.int().min(0) }).nullable();
