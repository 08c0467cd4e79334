/** A job's state and checkpoints as its Workflow tells them, where the workspace is on another host. */
import type { ToldCheckpoint, ToldState } from '../client.ts';
import { EXIT, type Context, type Outcome } from './command.ts';
import { checkpointTitle, nextText, ranText, writtenText } from './show-checkpoint.ts';
import { valueLines } from './show-values.ts';
import { table } from './table.ts';
import { whileSlow } from './terminal.ts';

const ASKED = 'its Workflow tells; the record in the workspace, on its own host, has more';

/** @throws HoldfastError as `HoldfastClient.state` */
export async function askState(context: Context<object>, job: string, at: number | undefined): Promise<Outcome> {
  const client = await context.client();
  const asking = client.state(job, at === undefined ? {} : { at });
  const state = await whileSlow(context.terminal, 'Asking the worker', asking);
  return { code: EXIT.ok, data: state, text: showState(context.terminal.style('bold', job), state, at === undefined) };
}

/** @throws HoldfastError as `HoldfastClient.checkpoints` */
export async function askCheckpoints(context: Context<object>, job: string, most: number): Promise<Outcome> {
  const client = await context.client();
  const told = await whileSlow(context.terminal, 'Asking the worker', client.checkpoints(job));
  const checkpoints = told.checkpoints.slice(0, most);
  const rows = checkpoints.map((one) => [numberText(one), titleOf(one), ranText(one), writtenOf(one), nextText(one)]);
  const named = `${context.terminal.style('bold', job)} in ${told.workspace}`;
  const text =
    rows.length === 0
      ? `${named}: its Workflow knows no checkpoint of its present Run yet.`
      : [`${named} (${ASKED}):`, table(['number', 'what', 'ran', 'state', 'next'], rows)].join('\n');
  return { code: EXIT.ok, data: { ...told, checkpoints }, text };
}

function showState(named: string, state: ToldState, isNow: boolean): string {
  const { workspace, values, writtenSince = [] } = state;
  const entries = Object.entries(values);
  const since = writtenSince.length === 0 ? '' : `; written since: ${writtenSince.join(', ')}`;
  const place = `checkpoint ${numberText(state)}, ${titleOf(state)}`;
  return [
    `${named} in ${workspace}: ${isNow ? `now, after ${place}${since}` : place} (${ASKED})`,
    `  ran      ${ranText(state)}`,
    ...state.tasks.flatMap(({ id, error }) => (error === undefined ? [] : [`           ${id}: ${error.message}`])),
    `  next     ${nextText(state)}`,
    '',
    entries.length === 0 ? 'The job declares no state.' : 'State:',
    ...entries.flatMap(([name, value]) => valueLines(name, value)),
  ].join('\n');
}

function numberText({ seq }: Pick<ToldCheckpoint, 'seq'>): string {
  return seq === undefined ? '-' : String(seq);
}

function titleOf({ metadata }: Pick<ToldCheckpoint, 'metadata'>): string {
  return metadata === undefined ? 'of an earlier Run' : checkpointTitle(metadata);
}

function writtenOf({ metadata }: Pick<ToldCheckpoint, 'metadata'>): string {
  return metadata === undefined ? '-' : writtenText(metadata);
}
