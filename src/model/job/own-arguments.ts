/** What Holdfast hands to a Workflow behind its own arguments, and which job it is that was handed one. Pure. */
import * as z from 'zod';
import { whyUnreadable } from '../unreadable.ts';

const OWN_FIELD = /^holdfast:/;

/** What a Run hands to the next stands in it. It stands in every bundle that a guarded job can run in. */
export const CARRIED_FIELD = 'holdfast:carried';

/** Where a Run hands it over whose own arguments leave no room beside them. */
export const CARRIED_MEMO = 'holdfast';

/** Is it one that Holdfast has added: what a Run hands to the next, what a job is resumed or forked with? */
export function isOwnArgument(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || whyUnreadable(value) !== undefined) return false;
  const [first, ...more] = Object.keys(value);
  return first !== undefined && more.length === 0 && OWN_FIELD.test(first);
}

const HandedSchema = z.object({
  /** Absent: that of the Workflow itself. */
  jobId: z.string().optional(),
  /** In place of the one that the Workflow's own code or input names. */
  workspace: z.string().optional(),
  /** In place of those that they name. */
  databases: z.record(z.string(), z.string()).optional(),
  /** In place of the one that they name. */
  store: z.string().optional(),
  /** Of a fork: the checkpoint that it was made of. */
  from: z.object({ head: z.string() }).optional(),
});
/** What a job was handed by its start from a store, its fork, or the Run before. */
export type Handed = z.output<typeof HandedSchema>;

/** Of the last argument of a Run. Undefined: it is the Workflow's own. */
export function handedIn(value: unknown): Handed | undefined {
  if (!isOwnArgument(value)) return undefined;
  const told = Object.values(value)[0] as {
    readonly carried?: { readonly fork?: unknown; readonly resumed?: unknown };
  };
  // A later Run is handed it among the rest.
  const parsed = HandedSchema.safeParse(
    told.carried === undefined ? told : (told.carried.resumed ?? told.carried.fork),
  );
  return parsed.data ?? {};
}
