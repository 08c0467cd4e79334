/** An effect in one line, for a person: `replace report.md (2,143 bytes)`. */
import { cutAt } from '../shown-value.ts';
import type * as z from 'zod';
import {
  namesBefore,
  type AnyFileStateSchema,
  type Effect,
  type FileWriteSchema,
  type PerformEffect,
} from './effect.ts';
import { otherNames } from './other-names.ts';
import { formatResource } from './resource.ts';

type AnyFileState = z.infer<typeof AnyFileStateSchema>;
type FileWrite = z.infer<typeof FileWriteSchema>;

const MAX_TEXT_SHOWN = 200;

/** What a file's other names keep is part of what is done. */
export function describeEffect(effect: Effect): string {
  const others = otherNames(namesBefore(effect), 'keeps');
  return others === undefined ? describeChange(effect) : `${describeChange(effect)}; ${others} the old content`;
}

function describeChange(effect: Effect): string {
  switch (effect.kind) {
    case 'file.write':
      return describeWrite(effect);
    case 'file.remove':
      return `remove ${effect.path}`;
    case 'file.restore':
      return `put ${effect.path} back: ${describeFileState(effect.after)}`;
    case 'directory.create':
      return `create folder ${effect.path}/`;
    case 'directory.remove':
      return `remove folder ${effect.path}/`;
    case 'directory.mode':
      return `change the mode of folder ${effect.path}/ to ${octal(effect.after.mode)}`;
    case 'symlink.write':
      return `${createOrReplace(effect.before)} symbolic link ${effect.path} → ${effect.after.target}`;
    case 'perform':
      return describeCall(effect);
    case 'sql':
      return `run SQL on ${effect.database}: ${cut(effect.text)}`;
    default: {
      const { database, table, key, by } = effect;
      const row = formatResource({ kind: 'row', database, table, key });
      return `${effect.kind.slice('row.'.length)} ${row}${by === undefined ? '' : ` (${by})`}`;
    }
  }
}

function describeWrite({ path, before, after }: FileWrite): string {
  const isModeChange = before.kind === 'file' && before.content === after.content && before.mode !== after.mode;
  if (isModeChange) return `change the mode of ${path} to ${octal(after.mode)}`;
  return `${createOrReplace(before)} ${path} (${bytesText(after.sizeBytes)})`;
}

const TOLD_BY: Readonly<Record<PerformEffect['known'], string>> = {
  called: '',
  probed: ' (as the probe found)',
  told: ' (as a person says)',
};

function describeCall({ name, known, request }: PerformEffect): string {
  const sent = request.text === 'null' ? '' : `: ${cut(request.text)}`;
  return `called ${name}${TOLD_BY[known]}${sent}`;
}

function describeFileState(state: AnyFileState): string {
  switch (state.kind) {
    case 'absent':
      return 'not there';
    case 'file':
      return bytesText(state.sizeBytes);
    case 'directory':
      return 'a folder';
    case 'symlink':
      return `a link to ${state.target}`;
    case 'other':
      return state.what;
  }
}

function createOrReplace(before: AnyFileState): 'create' | 'replace' {
  return before.kind === 'absent' ? 'create' : 'replace';
}

function bytesText(sizeBytes: number): string {
  return `${sizeBytes.toLocaleString('en-US')} bytes`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function cut(text: string): string {
  return cutAt(text, MAX_TEXT_SHOWN);
}
