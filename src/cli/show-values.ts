/** One value of a state as text. */
import { counted } from '../model/counted.ts';
import type { Json } from '../model/canonical-json.ts';

const MAX_VALUE_LINES = 40;

export function valueLines(name: string, value: Json): readonly string[] {
  const lines = JSON.stringify(value, undefined, 2).split('\n');
  const shown = lines.slice(0, MAX_VALUE_LINES);
  const rest = lines.length - shown.length;
  return [
    `  ${name}: ${shown[0]!}`,
    ...shown.slice(1).map((line) => `  ${line}`),
    ...(rest > 0 ? [`  … ${counted(rest, 'more line')}: --json`] : []),
  ];
}
