/** A step's generation for people: how often it was begun anew. */

const ORDINALS: readonly string[] = ['first', 'second', 'third', 'fourth', 'fifth'];

/** `second try` for generation 1; '' for the first, which nobody need be told of. */
export function tryText(generation: number): string {
  return generation === 0 ? '' : `${ordinal(generation)} try`;
}

/** ` · second try`, to be put behind a step's name; '' for the first. */
export function againText(generation: number): string {
  return generation === 0 ? '' : ` · ${tryText(generation)}`;
}

function ordinal(generation: number): string {
  return ORDINALS[generation] ?? `${generation + 1}th`;
}
