/**
 * Generations of steps, as a Workflow is told them or a Run tells the next: so many bytes of them, the first ones.
 * Whoever requests a step of which none is told is answered with its generation, so that it costs a request.
 */

/** A job of which 10,000 steps have run again is told all of theirs. */
export const MAX_GENERATIONS_BYTES = 200_000;
/** Around a name: quotes, colon, comma; and the number. */
const FRAME_BYTES = 8;
/** In JSON a character takes so many bytes at most. */
const MAX_CHARACTER_BYTES = 6;

/** @param all in the order in which they are needed */
export function toldGenerations(all: Iterable<readonly [stepId: string, generation: number]>): Record<string, number> {
  const told: (readonly [string, number])[] = [];
  let sizeBytes = 0;
  for (const [stepId, generation] of all) {
    sizeBytes += boundOf(stepId) + FRAME_BYTES;
    if (sizeBytes > MAX_GENERATIONS_BYTES) break;
    told.push([stepId, generation]);
  }
  return Object.fromEntries(told);
}

/** A name of ASCII, as almost all are, takes as many bytes as it has characters. */
function boundOf(stepId: string): number {
  return /^[\w\-.:#/ ]*$/.test(stepId) ? stepId.length : stepId.length * MAX_CHARACTER_BYTES;
}
