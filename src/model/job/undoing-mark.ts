/** How an Activity that undoes sub-steps is named, so that whoever looks at it knows of which step. */

/** Before the step's id. No step's id begins so. */
export const UNDOING_MARK = 'undo ';
