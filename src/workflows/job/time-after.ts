/** By the history's clock, which is the same in every replay. */
export function timeAfter(durationMs: number): string {
  // oxlint-disable-next-line layout/pure -- the sandbox's clock
  return new Date(Date.now() + durationMs).toISOString();
}
