/** Whether JavaScript holds a number of a JSON text exactly. */

/** Whether the number that JavaScript made of this JSON text is the same number, digit by digit. */
export function isExactNumber(number: number, source: string): boolean {
  if (Object.is(number, -0) || !Number.isFinite(number)) return false;
  return significantDigits(String(number)) === significantDigits(source);
}

/** `1.50e3`, `1500` and `1.5e+3` all give `15e2`. */
function significantDigits(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return text;
  const fraction = match[3] ?? '';
  const digits = (match[2]! + fraction).replace(/^0+/, '');
  const trimmed = digits.replace(/0+$/, '');
  if (trimmed === '') return '0';
  const exponent = Number(match[4] ?? 0) - fraction.length + (digits.length - trimmed.length);
  return `${match[1]}${trimmed}e${exponent}`;
}
