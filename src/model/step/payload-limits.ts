/**
 * What a history takes of one step. More is refused: over-limit payloads fail retryably for ever.
 */

export const MAX_OUTPUT_BYTES = 256 * 1024;

export const MAX_INPUT_BYTES = 512 * 1024;
