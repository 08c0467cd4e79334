/** Numbers on the command line. */
import { HoldfastError } from '../model/failure.ts';

/** @throws HoldfastError `bad-input` naming the option */
export function wholeNumber(text: string, option: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= lowest && value <= highest && /^\d+$/.test(text)) return value;
  throw new HoldfastError(
    'bad-input',
    `${option} is ${JSON.stringify(text)}. Expected a whole number from ${lowest} to ${highest}.`,
    { option },
  );
}
