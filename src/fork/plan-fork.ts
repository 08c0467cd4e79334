/** What a fork would be made of, from the record alone: it makes nothing, and asks no server. */
import { resolve } from 'node:path';
import { defined } from '../model/defined.ts';
import { isFailure } from '../model/failure.ts';
import type { ForkOrigin } from '../model/record/record.ts';
import { redactUrl } from '../model/shown-url.ts';
import { requestedStepOf } from '../model/sub-step-id.ts';
import { destinationsOf, type Destination } from './destinations.ts';
import { editOf, refuseUnfitEdit } from './edit.ts';
import { pendingForkIn } from './found-fork.ts';
import { refuseWorkspace } from './folders.ts';
import { knownAt, momentOf, type Moment } from './moment.ts';
import { keptStatements, refuseOptions, type ForkOptions } from './options.ts';
import { notUndone } from './roll-back.ts';
import { ForkSource, type Env, type InForce } from './source.ts';

export interface ForkPlan {
  readonly from: Pick<ForkOrigin, 'workflowId' | 'seq'>;
  readonly workspace: string;
  /** Steps that are done at the checkpoint. */
  readonly done: readonly string[];
  /** What runs next. */
  readonly next: readonly string[];
  /** The step that counts as done with what is put in by hand; what used it runs again. */
  readonly edited?: string;
  /** Steps after it, newest first: what they did is taken back in the copies of databases. */
  readonly later: readonly string[];
  readonly databases: readonly { readonly name: string; readonly to: string }[];
  /** Why it can't be made so, in words; empty: as far as the record tells, it can. */
  readonly problems: readonly string[];
}

/** @throws HoldfastError `not-found`, `bad-input` for what is no checkpoint or no option; `ledger-damaged` */
export async function planFork(folder: string, options: ForkOptions, env: Env): Promise<ForkPlan> {
  refuseOptions(options);
  const edit = editOf(options);
  await using source = await ForkSource.open(folder, options.job, env);
  const into = resolve(options.workspace);
  const moment = momentOf(source.job, source.records(), options.at);
  const { done, checkpoint } = knownAt(moment);
  const problems: string[] = [];
  const keeps = keptStatements(options.items ?? {});
  await noting(problems, () => refuseUnfitEdit(edit, moment));
  await noting(problems, async () => {
    refuseWorkspace(source.root, into);
    await pendingForkIn(into);
  });
  problems.push(...statementsOf(moment, await source.inForce(), keeps));
  let destinations: readonly Destination[] = [];
  await noting(problems, () => {
    const places = { from: source.root, to: into, env };
    destinations = destinationsOf(source.job.settings, options, places);
  });
  return {
    from: { workflowId: moment.workflowId, seq: moment.checkpoint.seq },
    workspace: into,
    done,
    next: checkpoint.next,
    ...defined({ edited: edit?.asNode }),
    later: laterSteps(moment),
    databases: destinations.map(({ name, to }) => ({ name, to: redactUrl(to) })),
    problems,
  };
}

async function noting(problems: string[], look: () => Promise<unknown> | void): Promise<void> {
  try {
    await look();
  } catch (error) {
    if (!isFailure(error, 'bad-input', 'missing-variable', 'ledger-damaged')) throw error;
    problems.push(error.message);
  }
}

function laterSteps({ later }: Moment): readonly string[] {
  const ids = later.flatMap((record) => (record.kind === 'step' ? [requestedStepOf(record.stepId)] : []));
  return [...new Set(ids.reverse())];
}

/** Those that nothing undoes. */
function statementsOf({ later }: Moment, inForce: InForce, keeps: ReadonlySet<string>): readonly string[] {
  return later.flatMap((record) => {
    if (record.kind !== 'step' || keeps.has(record.stepId)) return [];
    const isInForce = inForce.get(record.seq) ?? (() => false);
    const first = record.effects.find(
      ({ effect, outcome }, place) =>
        effect.kind === 'sql' && effect.undo === undefined && outcome === 'applied' && isInForce(place),
    );
    return first?.effect.kind === 'sql' ? [notUndone(record.stepId, first.effect.text).message] : [];
  });
}
