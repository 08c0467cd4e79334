/**
 * The note of a repair that says why a job that has ended keeps its workspace although a person answered accept.
 *
 * The persisted result of a repair has notes and no field for this: the next question about the workspace finds the
 * reasons by how these notes begin. Nothing else reads the wording; the two functions below belong together.
 */

export function keptBoundNote(reason: string): string {
  return `${BEGINNING}${reason}`;
}

/** Those of a repair's notes. */
export function keptBoundNotes(notes: readonly string[]): readonly string[] {
  return notes.filter((note) => note.startsWith(BEGINNING));
}

const BEGINNING = 'the workspace is not released: ';
