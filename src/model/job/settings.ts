/** What holds for a whole job: databases, watches, secrets, hosts. */
import * as z from 'zod';
import { CheckpointSettingsSchema } from '../checkpoint/settings.ts';
import { RetentionSchema } from '../retention.ts';
import { DigestSchema } from '../digest.ts';
import { HttpSettingsSchema } from '../step/http-host.ts';
import { HttpHeadersSchema } from '../step/http-headers.ts';
import { JsonSchema } from '../json.ts';

export const WatchSchema = z.discriminatedUnion('kind', [
  /** What is compared: a file, a table's schema, the rows of a query, what a command prints, an endpoint's version. */
  z.strictObject({ kind: z.literal('file'), path: z.string() }),
  z.strictObject({ kind: z.literal('schema'), database: z.string(), table: z.string() }),
  z.strictObject({
    kind: z.literal('query'),
    name: z.string(),
    database: z.string(),
    sql: z.string(),
    params: z.array(JsonSchema),
  }),
  z.strictObject({ kind: z.literal('command'), argv: z.array(z.string()).min(1) }),
  z.strictObject({
    kind: z.literal('endpoint'),
    name: z.string(),
    url: z.string(),
    header: z.string().optional(),
    json: z.string().optional(),
    headers: HttpHeadersSchema.optional(),
  }),
]);
/** What is compared besides what steps read and wrote. */
export type Watch = z.infer<typeof WatchSchema>;

export const DEFAULT_VERIFY_AFTER_MS = 10 * 60_000;

/** What holds for a whole job; sent once a Run, with its first verification, and stored in the ledger. */
export const JobSettingsSchema = z.strictObject({
  /** Database name → URL, `${{ env.NAME }}` unresolved: no secret is in a history or a ledger. */
  databases: z.record(z.string(), z.string()),
  /** Database name → SQL that makes what was in it before the job, for forks. Absent: none has any. */
  bases: z.record(z.string(), z.string()).optional(),
  watch: z.array(WatchSchema),
  /** Names of the secrets that steps may use; never their values. Absent: none. */
  secrets: z.array(z.string()).optional(),
  /** Compare the world again when this long has passed since it last was. */
  verifyAfterMs: z.int().min(0),
  /** Of files that are still as they were hashed last, as far as stat shows: are they read again? Absent: yes. */
  verify: z.enum(['full', 'quick']).optional(),
  /** Name and digest of the plan. Null: there is none. */
  plan: z.strictObject({ name: z.string(), digest: DigestSchema }).nullable(),
  /** What steps and watches may call. Absent: nothing. */
  http: HttpSettingsSchema.optional(),
  /** Where checkpoints are kept besides in the record. Absent: nowhere. */
  checkpoint: CheckpointSettingsSchema.optional(),
  /** For how long the record is kept once the job has ended. Absent: for ever. */
  retention: RetentionSchema.optional(),
});
export type JobSettings = z.infer<typeof JobSettingsSchema>;
