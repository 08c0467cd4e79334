/** The versions of npm packages, as they are installed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param packages a node_modules */
export function versionsOf(packages: string, names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.map((name) => {
      const manifest = JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8')) as { version: string };
      return [name, manifest.version];
    }),
  );
}
