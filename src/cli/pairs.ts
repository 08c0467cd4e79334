/** Options of the form NAME=VALUE. */
import { HoldfastError } from '../model/failure.ts';

/** `name=value`, where the name has no `=`. @throws HoldfastError `bad-input` */
export function pairsOf(given: readonly string[], option: string, form: string): Record<string, string> {
  return Object.fromEntries(
    given.map((one) => {
      const at = one.indexOf('=');
      if (at < 1 || at === one.length - 1)
        throw new HoldfastError(
          'bad-input',
          `${option} is "${one.slice(0, Math.max(at, 0)) || '…'}…". Expected ${form}.`,
        );
      return [one.slice(0, at), one.slice(at + 1)];
    }),
  );
}
