/** Paths as git writes them in patches, and those that git never takes. Pure. */

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '"': '"',
  '\\': '\\',
};
// oxlint-disable-next-line no-control-regex -- these are what git quotes
const QUOTED = /[\x00-\x1f"\\\x7f-\u{10ffff}]/u;

/** Quoted as in C where it has to be; every byte beyond ASCII in octal. */
export function gitPath(path: string): string {
  if (!QUOTED.test(path)) return path;
  const quoted = Array.from(Buffer.from(path), (byte) => {
    const char = String.fromCharCode(byte);
    const escape = ESCAPES[char];
    if (escape !== undefined) return `\\${escape}`;
    return byte < 0x20 || byte > 0x7e ? `\\${byte.toString(8).padStart(3, '0')}` : char;
  });
  return `"${quoted.join('')}"`;
}

/** Git refuses a path with its own folder in it, in any spelling. */
export function isForGit(path: string): boolean {
  return path.split('/').every((part) => part.toLowerCase() !== '.git');
}
