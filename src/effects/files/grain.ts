/**
 * How coarse a file's time stamps are. Two changes within a grain bear one stamp, so that no comparison of stamps can
 * tell them apart.
 *
 * Invariant: on a filesystem that counts whole seconds (ext4 with small inodes, HFS+) or two (exFAT) every stamp is a
 * whole second, and is taken for as coarse. One that is so by chance costs a look at a content, or a wait.
 */

/** The kernel stamps times in ticks of up to 10 ms. */
export const FINE_NS = 100_000_000n;
export const COARSE_NS = 2_100_000_000n;
const SECOND_NS = 1_000_000_000n;

/** The change time tells: it can't be set, as a modification time can, which is often a whole second. */
export function grainNs({ ctimeNs }: { readonly ctimeNs: bigint }): bigint {
  return ctimeNs % SECOND_NS === 0n ? COARSE_NS : FINE_NS;
}

/** Is it so young at this moment that a change could leave its stamps as they are? */
export function isYoung(stamps: { readonly ctimeNs: bigint; readonly mtimeNs: bigint }, nowNs: bigint): boolean {
  const oldestNs = nowNs - grainNs(stamps);
  return stamps.ctimeNs > oldestNs || stamps.mtimeNs > oldestNs;
}
