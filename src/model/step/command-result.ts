/** What a command came to: its result, and what is recorded of a command in place. */
import * as z from 'zod';
import { DigestSchema } from '../digest.ts';
import { ObservationSchema } from '../record/observation.ts';

export const CommandResultSchema = z.strictObject({
  /** 0, or one of `okExitCodes`: any other, and an end by a signal, is a failure (`command-failed`). */
  exitCode: z.int().min(0),
  /** As UTF-8; of long output the beginning and the end. */
  stdout: z.string(),
  /** As UTF-8; of long output the beginning and the end. */
  stderr: z.string(),
  /** Bytes of each that `stdout` and `stderr` leave out. */
  droppedBytes: z.int().min(0),
  /** Standard output and error as they came: a blob, with what it leaves out. */
  log: z.strictObject({ content: DigestSchema, sizeBytes: z.int().min(0), droppedBytes: z.int().min(0) }),
  /** How much it changed in its copy (`inPlace`: in the workspace). */
  changed: z.strictObject({
    /** Files. */
    written: z.int().min(0),
    /** Files, links and folders. */
    removed: z.int().min(0),
    /** New folders. */
    folders: z.int().min(0),
    /** Symbolic links. */
    links: z.int().min(0),
  }),
});
/** What `ctx.command` returns. */
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
