/** Which tables and columns a batch of row requests needs to know. */
import type { RowRequest } from '../database.ts';

/** By table: the columns that it is expected to have. */
export function requestedColumns(requests: readonly RowRequest[]): ReadonlyMap<string, ReadonlySet<string>> {
  const requested = new Map<string, Set<string>>();
  for (const request of requests) {
    let columns = requested.get(request.table);
    if (columns === undefined) requested.set(request.table, (columns = new Set()));
    for (const column of Object.keys(request.key)) columns.add(column);
    for (const column of request.columns) columns.add(column);
  }
  return requested;
}
