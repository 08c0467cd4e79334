/** Contents that are small. */
import type { Digest } from '../../model/digest.ts';

/** Up to here a content is handled whole and synchronously: cheaper than rounds through the thread pool. */
export const SMALL_CONTENT_BYTES = 128 * 1024;

/** Where small contents lie that have no file of their own. */
export interface SmallContents {
  get(digest: Digest): Uint8Array | undefined;
}
