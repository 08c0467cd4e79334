/** The fields that `ctx.command` and the built-in step `command` share. */
import * as z from 'zod';
import { workspacePattern } from './file-pattern.ts';
import { workspacePath, type Checked } from './workspace-path.ts';

export const DEFAULT_KILL_GRACE_MS = 5_000;

export const MAX_COMMAND_TIMEOUT_MS = 2_592_000_000;

const VARIABLE = /^[A-Za-z_]\w*$/;
const VariableSchema = z.string().regex(VARIABLE, 'the name of an environment variable');
const TextSchema = z.string().refine((text) => !text.includes('\0'), 'text without NUL');

/** A file, a folder with all in it, or a pattern; normal. */
const PatternSchema = z
  .string()
  .min(1)
  .transform((text, context) => {
    const checked: Checked<string> = text === '.' || text === './' ? { ok: true, value: '**' } : workspacePattern(text);
    if (checked.ok) return checked.value;
    context.addIssue({ code: 'custom', message: checked.problem });
    return z.NEVER;
  });

const FolderSchema = z.string().transform((text, context) => {
  if (text === '' || text === '.' || text === './') return '';
  const checked = workspacePath(text);
  if (checked.ok) return checked.value;
  context.addIssue({ code: 'custom', message: checked.problem });
  return z.NEVER;
});

/** The fields that `ctx.command` and the built-in step `command` share. */
export const commandFields = {
  shell: z
    .boolean()
    .default(false)
    .describe('Run one string by /bin/sh -c. Default: false; the words go to the program as they are.'),
  cwd: FolderSchema.default('').describe('Where it runs, a folder of the workspace. Default: the workspace.'),
  paths: z
    .array(PatternSchema)
    .min(1)
    .optional()
    .describe(
      'What of the workspace it is given: files, folders with all in them, patterns (*, **, ?, [a-z], ' +
        '{a,b}). Default: all of it.',
    ),
  reads: z
    .array(PatternSchema)
    .default([])
    .describe(
      'Files that its result depends on, recorded as read: a later change of one makes the step stale. Default: none.',
    ),
  othersChange: z
    .array(PatternSchema)
    .default([])
    .describe(
      'Files of the workspace that others may change while it runs. Default: none; any change there is refused.',
    ),
  env: z
    .record(VariableSchema, TextSchema)
    .default({})
    .describe('Its environment: NAME → value. Kept in history; a secret only by ${{ secrets.NAME }}. Default: none.'),
  envFrom: z
    .array(VariableSchema)
    .default(['PATH'])
    .describe("Variables that it is given from the worker's environment. Default: PATH."),
  okExitCodes: z
    .array(z.int().min(0).max(255))
    .min(1)
    .default([0])
    .describe('Exit codes that are no failure. Default: 0.'),
  timeoutMs: z
    .int()
    .min(1)
    .max(MAX_COMMAND_TIMEOUT_MS)
    .optional()
    .describe("How long it may take, in milliseconds; then it is killed. Default: the step's own timeout."),
  killGraceMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(DEFAULT_KILL_GRACE_MS)
    .describe('Between SIGTERM and SIGKILL, in milliseconds. Default: 5000.'),
  maxOutputBytes: z
    .int()
    .min(1)
    .optional()
    .describe('More output than this is a failure; it is killed. Default: no bound; what is kept of it is bounded.'),
  inPlace: z
    .boolean()
    .default(false)
    .describe(
      'Run in the workspace itself: once, written ahead, and in doubt when nobody can know how it ended. ' +
        'Default: false, on a copy.',
    ),
} as const;

export const ArgvSchema = z.union([z.string().min(1), z.array(TextSchema).min(1)]);
