/** What a schema found wrong, in one line: `path: message; …`. `whole` names the value itself. */
export function issuesText(
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
  whole = 'value',
): string {
  return issues.map(({ path, message }) => `${path.map(String).join('.') || whole}: ${message}`).join('; ');
}
