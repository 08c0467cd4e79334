/**
 * Where the only wrong bit of bytes is, told by their CRC-32: how two checksums differ follows from which bits differ
 * and how far they are from the end, not from what the bytes are.
 */
const POLYNOMIAL = 0xed_b8_83_20;
const TABLE = Uint32Array.from({ length: 256 }, (_one, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL;
  return value;
});

/**
 * @param difference of the two checksums (exclusive or)
 * @returns how many bytes follow the one with the wrong bit. Undefined: no single bit explains it.
 */
export function bitDistance(difference: number, lengthBytes: number): number | undefined {
  const wanted = difference >>> 0;
  const of = Uint32Array.from({ length: 8 }, (_one, bit) => TABLE[1 << bit]!);
  for (let distance = 0; distance < lengthBytes; distance++) {
    if (of.includes(wanted)) return distance;
    // One more byte of zeros behind it.
    for (let bit = 0; bit < 8; bit++) of[bit] = (TABLE[of[bit]! & 0xff]! ^ (of[bit]! >>> 8)) >>> 0;
  }
  return undefined;
}
