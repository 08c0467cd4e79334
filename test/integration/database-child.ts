/**
 * A worker's part in a crash test: begins a step's transaction on the database given by URL, prints how far it got, and
 * waits to be killed. `open`: the transaction is not committed; `committed`: it is.
 */
import { openDatabase } from '../../src/effects/database/open.ts';

const [url, stage, jobId, token] = process.argv.slice(2) as [string, 'open' | 'committed', string, string];
const database = await openDatabase({ name: 'main', url }, { workspaceRoot: '/', env: {} });
const transaction = await database.begin({ lockTimeoutMs: 5000, statementTimeoutMs: 5000, idleTimeoutMs: 60_000 });
await transaction.passFence(jobId, 1, token);
await transaction.takeToken(token, jobId, 'c'.repeat(64));
await transaction.applyRow({
  kind: 'row.insert',
  database: 'main',
  table: 'item',
  key: { id: 7 },
  values: { label: 'crash' },
  columns: ['id', 'label'],
  before: { kind: 'absent' },
});
await transaction.settle();
await transaction.noteRows(token, 'digests');
if (stage === 'committed') await transaction.commit();
process.stdout.write('ready\n');
setInterval(() => undefined, 60_000);
