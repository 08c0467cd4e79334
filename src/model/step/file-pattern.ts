/** Patterns of file names in a workspace: `*` within a folder, `**` across folders, `?` one character. Pure. */

/** Does it name more than one file? */
export function isFilePattern(path: string): boolean {
  return /[*?]/.test(path);
}

/** The folder below which everything that matches lies; '' for the whole workspace. */
export function folderOfPattern(pattern: string): string {
  const parts = pattern.split('/');
  const first = parts.findIndex(isFilePattern);
  return parts.slice(0, first < 0 ? -1 : first).join('/');
}

export function matchesPattern(pattern: string, path: string): boolean {
  return expressionOfPattern(pattern).test(path);
}

export function expressionOfPattern(pattern: string): RegExp {
  const parts = pattern
    .replace(/^\.\//, '')
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map((part) => {
      switch (part) {
        case '**/':
          return '(?:[^/]+/)*';
        case '**':
          return '.*';
        case '*':
          return '[^/]*';
        case '?':
          return '[^/]';
        default:
          return part.replace(/[\\^$.|+()[\]{}]/g, '\\$&');
      }
    });
  return new RegExp(`^${parts.join('')}$`, 'su');
}
