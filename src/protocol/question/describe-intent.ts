/** The changes of an intent as a person reads them before they approve them. */
import { describeRowChange } from '../../effects/database/row-difference.ts';
import { Turns } from '../../effects/turns.ts';
import type { Effect, FileEffect, RowChange } from '../../model/record/effect.ts';
import type { Intent } from '../../model/record/intent.ts';
import type { RowState } from '../../model/record/world.ts';
import type { Workspace } from '../workspace/workspace.ts';

/** Of thousands of changes a person reads the list; each is in the intent's digest, shown or not. */
const MAX_DIFFERENCES_CHARACTERS = 1024 * 1024;

/** One difference an effect, in the intent's order: exactly what is asked to be approved. */
export async function describeIntent(workspace: Workspace, intent: Intent): Promise<readonly string[]> {
  const differences: string[] = [];
  const turns = new Turns();
  let characters = 0;
  for (const effect of intent.effects) {
    await turns.take();
    characters += differences.at(-1)?.length ?? 0;
    differences.push(characters > MAX_DIFFERENCES_CHARACTERS ? omitted(effect) : await describe(workspace, effect));
  }
  return differences;
}

async function describe(workspace: Workspace, effect: Effect): Promise<string> {
  if (effect.kind === 'sql') return describeStatement(effect);
  if (effect.kind === 'perform') return '(done already: it was called while the step ran)';
  if ('path' in effect) return await describeFile(workspace, effect);
  return describeRowChange(effect.before, rowAfter(effect)).join('\n');
}

/** What it changes only the database can say, when it runs. */
function describeStatement({ text, params, undo }: Extract<Effect, { kind: 'sql' }>): string {
  const values = params.length === 0 ? [] : [`-- with ${JSON.stringify(params)}`];
  const undone =
    undo === undefined ? 'nothing undoes it afterwards' : `undone by: ${undo.text} with ${JSON.stringify(undo.params)}`;
  return [text, ...values, `-- how many rows it changes is known when it runs; ${undone}`].join('\n');
}

async function describeFile(workspace: Workspace, { kind, path, before, after }: FileEffect): Promise<string> {
  const saysItAll = kind.startsWith('directory.') || kind === 'symlink.write';
  return saysItAll ? '' : await workspace.files.describePlanned(path, before, after);
}

function omitted(effect: Effect): string {
  return 'path' in effect ? '(too much has been shown to show this one, too)' : '';
}

/** What a row shall look like, as far as is known before the database has had its say. */
function rowAfter({ kind, before, key, values }: RowChange): RowState {
  if (kind === 'row.delete') return { kind: 'absent' };
  return { kind: 'row', columns: { ...(before.kind === 'row' ? before.columns : {}), ...key, ...values } };
}
