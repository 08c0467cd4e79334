/** What a repair acts in: one job's workspace and ledger, under the workspace's lock. */
import type { JobSettings } from '../../../model/job/settings.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';
import type { Caller, ProtocolHost } from '../../host.ts';
import type { Workspace } from '../../workspace/workspace.ts';

export interface RepairContext {
  readonly host: ProtocolHost;
  readonly workspace: Workspace;
  readonly caller: Caller;
  readonly ledger: Ledger;
  readonly jobId: string;
  readonly settings: JobSettings;
}
