/** An effect in one line, for a person. */
import type * as z from 'zod';
import { formatResource } from './resource.ts';
import type { AnyFileStateSchema, Effect, FileWriteSchema } from './effect.ts';

/** One line a person can read: `write report.md (2,143 bytes)`. */
export function describeEffect(effect: Effect): string {
  switch (effect.kind) {
    case 'file.write':
      if (isModeChange(effect)) return `change the mode of ${effect.path} to ${octal(effect.after.mode)}`;
      return `${effect.before.kind === 'absent' ? 'create' : 'replace'} ${effect.path} (${effect.after.sizeBytes.toLocaleString('en-US')} bytes)`;
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
      return `${effect.before.kind === 'absent' ? 'create' : 'replace'} symbolic link ${effect.path} → ${effect.after.target}`;
    case 'perform':
      return `called ${effect.name}${effect.known === 'called' ? '' : ` (${effect.known === 'told' ? 'as a person says' : 'as the probe found'})`}${effect.request.text === 'null' ? '' : `: ${effect.request.text.length > 200 ? `${effect.request.text.slice(0, 200)}…` : effect.request.text}`}`;
    case 'sql':
      return `run SQL on ${effect.database}: ${effect.text.length > 200 ? `${effect.text.slice(0, 200)}…` : effect.text}`;
    default:
      return `${effect.kind.slice('row.'.length)} ${formatResource({ kind: 'row', database: effect.database, table: effect.table, key: effect.key })}`;
  }
}

function isModeChange({ before, after }: z.infer<typeof FileWriteSchema>): boolean {
  return before.kind === 'file' && before.content === after.content && before.mode !== after.mode;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function describeFileState(state: z.infer<typeof AnyFileStateSchema>): string {
  switch (state.kind) {
    case 'absent':
      return 'not there';
    case 'file':
      return `${state.sizeBytes.toLocaleString('en-US')} bytes`;
    case 'directory':
      return 'a folder';
    case 'symlink':
      return `a link to ${state.target}`;
    case 'other':
      return state.what;
  }
}
