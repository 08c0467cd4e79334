/**
 * `${{ env.NAME }}`: how plans and jobs name a value that only the worker's environment has. The name is recorded, the
 * value never.
 */

const ENV_REFERENCE = /^\$\{\{\s*env\.([A-Za-z_]\w*)\s*\}\}$/;

/** The variable that a text refers to; undefined: the text is no reference. */
export function referencedVariable(text: string): string | undefined {
  return ENV_REFERENCE.exec(text)?.[1];
}

export function referenceTo(variable: string): string {
  return `\${{ env.${variable} }}`;
}
