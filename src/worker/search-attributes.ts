/** The search attributes by which jobs are listed. */
import type { ConnectionLike } from '@temporalio/client';
import protos from '@temporalio/proto';

/** Registers those that are missing. False, and a warning, where that is not permitted: jobs then run without them. */
export async function ensureSearchAttributes(
  client: Pick<ConnectionLike, 'operatorService'>,
  namespace: string,
  warnings: string[],
): Promise<boolean> {
  const { INDEXED_VALUE_TYPE_KEYWORD: keyword, INDEXED_VALUE_TYPE_INT: int } =
    protos.temporal.api.enums.v1.IndexedValueType;
  const wanted = { HoldfastState: keyword, HoldfastDiscrepancies: int };
  try {
    const { customAttributes } = await client.operatorService.listSearchAttributes({ namespace });
    const missing = Object.fromEntries(Object.entries(wanted).filter(([name]) => !(name in (customAttributes ?? {}))));
    if (Object.keys(missing).length === 0) return true;
    await client.operatorService.addSearchAttributes({ namespace, searchAttributes: missing });
    return true;
  } catch (error) {
    warnings.push(
      'Search attributes HoldfastState and HoldfastDiscrepancies are not registered and could not be ' +
        `(${(error as Error).message}); jobs run without them. Register them with: ` +
        'temporal operator search-attribute create --name HoldfastState --type Keyword ' +
        '--name HoldfastDiscrepancies --type Int',
    );
    return false;
  }
}
