/** What a fork's ledger holds until it begins, and what its maker is told. */
import { randomBytes } from 'node:crypto';
import { jsonBytes } from '../model/canonical-json.ts';
import { defined } from '../model/defined.ts';
import type { Fork, PendingFork } from '../model/job/fork.ts';
import type { Change } from '../model/record/record.ts';
import type { Destination } from './destinations.ts';
import { editOf } from './edit.ts';
import type { MadeFiles } from './files.ts';
import { knownAt, type Moment } from './moment.ts';
import type { ForkOptions } from './options.ts';

/** Of names: a Workflow of one's own may have any number, and does not use them. */
const MAX_DONE_BYTES = 500_000;

/** A fork that is made and has not begun. */
export interface PreparedFork {
  /** What its Workflow is started with. */
  readonly fork: Fork;
  /** What is in its folder. Absent: it was found there, made by the same command before. */
  readonly files?: MadeFiles;
  /** What started the other job, where its record says so. Absent: its history does. */
  readonly startedWith?: { readonly type: string; readonly args: readonly unknown[] };
  /** Was it made before? */
  readonly isFound: boolean;
}

interface Made {
  readonly moment: Moment;
  readonly options: ForkOptions;
  readonly destinations: readonly Destination[];
  readonly changes: readonly Change[];
}

export function pendingFork(into: string, { moment, options, destinations, changes }: Made): PendingFork {
  const { jobId, workflowId, checkpoint, chain } = moment;
  const { by, reason = '' } = options;
  const fork: Fork = {
    workflowId: options.workflowId ?? `${workflowId}-fork-${randomBytes(4).toString('hex')}`,
    workspace: into,
    databases: Object.fromEntries(
      destinations.flatMap(({ name, reference }) => (reference === undefined ? [] : [[name, reference]])),
    ),
    from: { workflowId, jobId, seq: checkpoint.seq, head: chain.at(-1)!.head },
    ...withBoundedDone(knownAt(moment)),
    ...defined({ edit: editOf(options) }),
  };
  return { schemaVersion: 1, fork, by, reason, at: new Date().toISOString(), changes: [...changes] };
}

/** A step that its Workflow is not told of is requested, and answered by the record. */
function withBoundedDone<K extends Pick<Fork, 'done'>>(known: K): K {
  return jsonBytes(known.done) > MAX_DONE_BYTES ? { ...known, done: [] } : known;
}

export function preparedOf(
  { fork }: PendingFork,
  { chain }: Moment,
  how: Pick<PreparedFork, 'files' | 'isFound'>,
): PreparedFork {
  const input = chain.find(({ record }) => record.kind === 'checkpoint')?.record;
  const startedWith = input?.kind === 'checkpoint' ? input.job : undefined;
  return { fork, ...how, ...defined({ startedWith }) };
}
