/** What a built-in step's input says about what the step reads and writes. */
import type { Json } from '../../canonical-json.ts';
import { isList } from '../../list.ts';
import { isFilePattern, workspacePattern } from '../file-pattern.ts';
import { parseClaim, patternClaim, type Claim } from '../claim.ts';
import { literalText, member } from './literal.ts';

const WHOLE_WORKSPACE: Claim = { kind: 'folder', resource: 'file:', whole: true };

/**
 * What it writes. Parts that are not known yet (they hold references) or not valid are omitted. Rows that are
 * upserted do not claim the whole table: two steps may each upsert their own.
 */
export function builtInWrites(use: string, input: Json): readonly Claim[] {
  const text = (name: string): string | undefined => literalText(member(input, name));
  switch (use) {
    case 'file.write':
      return oneFile(text('path'));
    case 'file.remove':
      return fileClaim(text('path'));
    case 'file.copy':
      return oneFile(text('to'));
    case 'command':
      return member(input, 'inPlace') === true ? [WHOLE_WORKSPACE] : [];
    case 'http':
      return oneFile(text('saveTo'));
    case 'db.upsert':
      return tableClaim(text('database'), text('table'), false);
    case 'db.sql': {
      const tables = member(input, 'writes') ?? null;
      if (!isList(tables)) return [];
      return tables.flatMap((table) => tableClaim(text('database'), literalText(table), true));
    }
    default:
      return [];
  }
}

/** What it reads, as far as that is known before the job runs. */
export function builtInReads(use: string, input: Json): readonly Claim[] {
  if (use === 'command') return commandReads(member(input, 'paths'));
  return use === 'file.copy' ? fileClaim(literalText(member(input, 'from'))) : [];
}

/** A command may read all that it is given. */
function commandReads(paths: Json | undefined): readonly Claim[] {
  if (paths === undefined || !isList(paths)) return [WHOLE_WORKSPACE];
  return paths.flatMap((path) => {
    const text = literalText(path);
    if (text === undefined) return [];
    if (text === '.' || text === './') return [WHOLE_WORKSPACE];
    if (!isFilePattern(text)) return fileClaim(text);
    const checked = workspacePattern(text);
    return checked.ok ? [patternClaim(checked.value)] : [];
  });
}

function fileClaim(path: string | undefined): readonly Claim[] {
  const claim = path === undefined ? undefined : parseClaim(`file:${path.replace(/\/+$/, '')}`);
  return claim?.ok === true ? [claim.value] : [];
}

/** Of what is written as a file: it is no folder, whatever is there. */
function oneFile(path: string | undefined): readonly Claim[] {
  return fileClaim(path).map((claim) => ({ ...claim, isOneFile: true }));
}

function tableClaim(database: string | undefined, table: string | undefined, whole: boolean): readonly Claim[] {
  const claim = database === undefined || table === undefined ? undefined : parseClaim(`table:${database}/${table}`);
  return claim?.ok === true ? [{ ...claim.value, whole }] : [];
}
