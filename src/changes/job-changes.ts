/**
 * What a job changed, told by its record alone: files, rows, schemas, and what was called or stated. It needs neither a
 * server nor a worker, and the job may have ended.
 *
 * Invariant: a state that the record does not tell is named as unknown; nothing is taken from the world but contents,
 * whose digest says that they are the recorded ones.
 */
import { canonicalJson, type Json, type JsonObject } from '../model/canonical-json.ts';
import { pathTo, stateAfter } from '../model/checkpoint/state-at.ts';
import { DigestSchema } from '../model/digest.ts';
import { HoldfastError } from '../model/failure.ts';
import { describeEffect } from '../model/record/effect-text.ts';
import { netChanges, type ChangedBy, type NetChange } from '../model/record/net-changes.ts';
import type { ChainRecord, CheckpointRecord, StepRecord } from '../model/record/record.ts';
import { parseResource, type Resource, type RowKey } from '../model/record/resource.ts';
import { namedSteps } from '../model/named-steps.ts';
import { isOfSteps } from '../model/sub-step-id.ts';
import type { FileState, ResourceState, RowState, SchemaState } from '../model/record/world.ts';
import type { InspectedJob, WorkspaceInspection } from '../protocol/inspect/inspection.ts';
import type { PatchedFile } from './patch.ts';

/** A file, link or folder that the job changed, from its first change to its last. */
export interface FileChange extends PatchedFile {
  /** The first first. */
  readonly by: readonly ChangedBy[];
}

/** A row that the job changed. Values are canonical JSON scalars, of the columns that the record covers. */
export interface RowChange {
  /** The database's name in the job. */
  readonly database: string;
  /** As the job names it, with its schema where it was given. */
  readonly table: string;
  /** The primary key: column → value. */
  readonly key: RowKey;
  /** Undefined: no record tells it. */
  readonly before: RowState | undefined;
  /** As the job's last change left it. */
  readonly after: RowState;
  /** The first first. */
  readonly by: readonly ChangedBy[];
}

/** A table whose columns, keys or indexes the job changed, or recorded for the first time. */
export interface SchemaChange {
  /** The database's name in the job. */
  readonly database: string;
  /** As the job names it, with its schema where it was given. */
  readonly table: string;
  /** Undefined: no record tells it. */
  readonly before: SchemaState | undefined;
  /** As the last record has it. */
  readonly after: SchemaState;
  /** The first first. */
  readonly by: readonly ChangedBy[];
}

/** What names no resource: a statement, a call, a command. */
export interface Act {
  /** A statement of `ctx.db(…).sql`, a call of `ctx.perform` or `ctx.http`, or a command in place. */
  readonly kind: 'statement' | 'call' | 'command';
  /** The step that did it. */
  readonly stepId: string;
  /** How many times that step had been run again before. */
  readonly generation: number;
  /** The number of its record. */
  readonly seq: number;
  /** In words, on one line. */
  readonly text: string;
}

/** A key of the state that has another value. */
export interface StateChange {
  /** As the plan declares it. */
  readonly key: string;
  /** Undefined: the state had no such key. */
  readonly before: Json | undefined;
  /** Undefined: it has none any more. */
  readonly after: Json | undefined;
}

/** What a job changed, called and stated, from its record. */
export interface JobChanges {
  /** The job itself. */
  readonly job: InspectedJob;
  /** The folder, as an absolute path. */
  readonly workspace: string;
  /** Records after this one count; 0: from the beginning. */
  readonly from: number;
  /** The number of the last record that counts. */
  readonly to: number;
  /** Each file once, with its net change; a file that is again as it was is not listed. */
  readonly files: readonly FileChange[];
  /** Each row once, with its net change. */
  readonly rows: readonly RowChange[];
  /** Each table once. */
  readonly schemas: readonly SchemaChange[];
  /** Each key of the state that is another at the end; empty where there are no checkpoints. */
  readonly state: readonly StateChange[];
  /** In the order in which they were recorded. */
  readonly acts: readonly Act[];
}

/** Which part of the record counts. */
export interface ChangesChoice {
  /** A record's number, or a step, which stands for the end of its last record. Default: the job's beginning. */
  readonly from?: string;
  /** The same. Default: the last record. */
  readonly to?: string;
  /** Only what these steps and their sub-steps changed. Default: all. */
  readonly steps?: readonly string[];
}

/** Absent before it was first recorded: what a step found, it has recorded. */
const NOT_RECORDED: FileState = { kind: 'absent' };

/** @throws HoldfastError `not-found`: a step or a record that there is none of; `bad-input`; `ledger-damaged` */
export function changesOf(inspection: WorkspaceInspection, job: InspectedJob, choice: ChangesChoice = {}): JobChanges {
  assertSound(inspection, job);
  const chain = inspection.chain(job.jobId).map(({ record }) => record);
  const from = choice.from === undefined ? 0 : placeOf(chain, choice.from, '--from');
  const to = choice.to === undefined ? job.records : placeOf(chain, choice.to, '--to');
  if (from > to)
    throw new HoldfastError('bad-input', `Record ${from} (--from) comes after record ${to} (--to).`, { from, to });
  for (const step of choice.steps ?? []) placeOf(chain, step, '--step');
  const steps = choice.steps && new Set(choice.steps.flatMap((step) => [...namedSteps(step, recordedIn(chain))]));
  const sorted = sortedByKind(netChanges(chain, { from, to, ...(steps === undefined ? {} : { steps }) }));
  const acts = chain.filter(({ seq }) => seq > from && seq <= to).flatMap((record) => actsOf(record, steps));
  const state = steps === undefined ? stateChanges(inspection.checkpoints(job.jobId, to), from) : [];
  return { job, workspace: inspection.root, from, to, ...sorted, state, acts };
}

/** From what the state was at the last checkpoint of that place, or at the input. */
function stateChanges(checkpoints: readonly CheckpointRecord[], from: number): readonly StateChange[] {
  const earlier = checkpoints.filter(({ seq }) => seq <= from);
  const before = stateAt(checkpoints, earlier.at(-1) ?? checkpoints[0]);
  const after = stateAt(checkpoints, checkpoints.at(-1));
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .map((key) => ({ key, before: before[key], after: after[key] }))
    .filter((change) => textOf(change.before) !== textOf(change.after));
}

function stateAt(all: readonly CheckpointRecord[], one: CheckpointRecord | undefined): JsonObject {
  return one === undefined ? {} : stateAfter(pathTo(all, one));
}

function textOf(value: Json | undefined): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}

/** @throws HoldfastError `ledger-damaged` */
export function assertSound(inspection: WorkspaceInspection, job: InspectedJob): void {
  const damage = inspection.integrityProblems(job.jobId);
  if (damage.length === 0) return;
  const message = `The record of ${job.workflowId} is damaged: ${damage.join('; ')}.`;
  throw new HoldfastError('ledger-damaged', message, { damage });
}

function recordedIn(chain: readonly ChainRecord[]): readonly string[] {
  return [...new Set(chain.flatMap((one) => (one.kind === 'step' ? [one.stepId] : [])))];
}

function placeOf(chain: readonly ChainRecord[], name: string, option: string): number {
  const last = chain.at(-1)?.seq ?? 0;
  if (/^\d+$/.test(name) && option !== '--step') {
    const seq = Number(name);
    if (seq <= last) return seq;
    throw new HoldfastError('not-found', `${option} ${name}: the record ends with ${last}.`, { last });
  }
  const known = recordedIn(chain);
  const named = namedSteps(name, known);
  // A step that was not finished stands for the sub-steps that were, and a list for its items.
  const record =
    chain.findLast((one) => one.kind === 'step' && one.stepId === name) ??
    chain.findLast((one) => one.kind === 'step' && isOfSteps(one.stepId, named));
  if (record !== undefined) return record.seq;
  throw new HoldfastError(
    'not-found',
    `${option} ${name}: no step of this name is recorded. Recorded are ${known.slice(0, 20).join(', ') || 'none'}.`,
    { known },
  );
}

function sortedByKind(changes: readonly NetChange[]): Pick<JobChanges, 'files' | 'rows' | 'schemas'> {
  const files: FileChange[] = [];
  const rows: RowChange[] = [];
  const schemas: SchemaChange[] = [];
  for (const { resource, before, after, by } of changes) {
    const named: Resource = parseResource(resource);
    if (named.kind === 'file' && isFileState(after)) {
      const old = before === undefined || !isFileState(before) ? NOT_RECORDED : before;
      files.push({ path: named.path, before: old, after, by });
    } else if (named.kind === 'row' && isRowState(after)) {
      const { database, table, key } = named;
      rows.push({
        database,
        table,
        key,
        before: before !== undefined && isRowState(before) ? before : undefined,
        after,
        by,
      });
    } else if (named.kind === 'schema' && isSchemaState(after)) {
      const { database, table } = named;
      schemas.push({
        database,
        table,
        before: before !== undefined && isSchemaState(before) ? before : undefined,
        after,
        by,
      });
    }
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  return { files, rows, schemas };
}

function isFileState(state: ResourceState): state is FileState {
  return ['absent', 'file', 'directory', 'symlink', 'other'].includes(state.kind);
}

function isRowState(state: ResourceState): state is RowState {
  return state.kind === 'absent' || state.kind === 'row';
}

function isSchemaState(state: ResourceState): state is SchemaState {
  return state.kind === 'absent' || state.kind === 'schema';
}

function actsOf(record: ChainRecord, steps: ReadonlySet<string> | undefined): Act[] {
  if (record.kind !== 'step' && record.kind !== 'undone') return [];
  const { stepId, generation, seq } = record;
  if (steps !== undefined && !isOfSteps(stepId, steps)) return [];
  const of = { stepId, generation, seq };
  const commands = record.logs.flatMap(commandOf);
  const told = new Set(commands.map(({ name }) => name));
  const acts = record.effects.flatMap(({ effect, outcome }): Act[] => {
    // A command in the workspace itself is a call, too.
    if (effect.kind === 'perform')
      return told.has(effect.name) ? [] : [{ ...of, kind: 'call', text: describeEffect(effect) }];
    return effect.kind === 'sql' && outcome === 'applied'
      ? [{ ...of, kind: 'statement', text: describeEffect(effect) }]
      : [];
  });
  for (const { text } of commands) acts.push({ ...of, kind: 'command', text: `run ${text}` });
  return acts;
}

/** Each command has a line in its step's log, with its name; before it had, it had the digest of its output alone. */
function commandOf({
  message,
  fields,
}: StepRecord['logs'][number]): { readonly name: string; readonly text: string }[] {
  const { command, log } = (fields ?? {}) as Readonly<Record<string, unknown>>;
  if (!DigestSchema.safeParse(log).success || (command !== undefined && typeof command !== 'string')) return [];
  return [{ name: command ?? '', text: message }];
}
