/** An amount of money, as the receipt shows it. */
export function toCents(amount) {
  return Math.floor(amount * 100) / 100;
}
