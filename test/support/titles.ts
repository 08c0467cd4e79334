/** The titles of the tests in a file, as they are written. */

/** Titles of `test`, `it`, `describe` and a suite's own `check`; parts of templates as `…`. */
export function titlesIn(source: string): readonly string[] {
  const calls = source.matchAll(
    /\b(?:test|it|describe|check)\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g,
  );
  return [...calls].map(([, single, double, template]) =>
    (single ?? double ?? template!.replace(/\$\{[^}]*\}/g, '…')).replace(/\\(.)/g, '$1'),
  );
}
