import { firstOf, shownName } from './shown-value.ts';

/** What a schema says of one place may name everything that is unknown there. */
const MAX_MESSAGE_LENGTH = 500;

/** What a schema found wrong, in one line: `path: message; …`. `whole` names the value itself. */
export function issuesText(
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
  whole = 'value',
): string {
  const said = issues.map(({ path, message }) => {
    const place = path.map((part) => shownName(String(part))).join('.');
    return `${place || whole}: ${message.slice(0, MAX_MESSAGE_LENGTH)}`;
  });
  return firstOf(said).join('; ');
}
