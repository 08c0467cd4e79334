/** What the beginning of an undoing acts in: one workspace and its ledger, under the lock. */
import type { BeginUndoRequest } from '../../model/job/undo.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import type { Workspace } from '../workspace/workspace.ts';

export interface UndoBeginning {
  readonly host: ProtocolHost;
  readonly caller: Caller;
  readonly request: BeginUndoRequest;
  readonly workspace: Workspace;
  readonly ledger: Ledger;
}

/** For people: why a question is asked. */
export function whyBegun({ reason, detail }: BeginUndoRequest): string {
  return `${reason}: ${detail}`;
}
