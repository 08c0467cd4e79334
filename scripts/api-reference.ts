/**
 * `npm run docs`: the API reference in docs/api, from the docstrings of what the package exports. With `--check` it
 * only says what is missing.
 *
 * Invariants
 * 1. TypeDoc lies in the user's cache (`cached-packages.ts`). It needs another TypeScript than the project's, so it
 *    can't lie in node_modules.
 * 2. docs/api is replaced as a whole; a run that fails leaves it as it was.
 * 3. Pages of the same sources are not made twice.
 */
import { createHash } from 'node:crypto';
import { existsSync, promises as fs } from 'node:fs';
import path from 'node:path';
import { cachedPackages } from './cached-packages.ts';
import { runNode, say } from './programs.ts';

const TOOLS = 'scripts/api-reference';
const PAGES = 'docs/api';
/** What the pages were made from. */
const STAMP = '.cache/api-reference.sources';

/** `args`: `--check` or nothing. Returns an exit code. */
export async function apiReference(args: readonly string[] = []): Promise<number> {
  const unknown = args.filter((arg) => arg !== '--check');
  if (unknown.length > 0) {
    say(`holdfast: docs takes --check or nothing, not ${unknown.join(' ')}.`);
    return 2;
  }
  const sources = await digestOfSources();
  const of = await fs.readFile(STAMP, 'utf8').catch(() => undefined);
  if (of === sources && existsSync(path.join(PAGES, 'README.md'))) {
    say(`docs: ${PAGES} is up to date; every export has a docstring.`);
    return 0;
  }
  const packages = await typeDoc();
  if (packages === undefined) return 1;
  await fs.mkdir('.cache', { recursive: true });
  const draft = await fs.mkdtemp('.cache/api-reference-');
  try {
    const pages = args.includes('--check') ? [] : [path.join(draft, 'pages')];
    const code = await runNode([path.join(TOOLS, 'generate.mjs'), packages, ...pages]);
    const [made] = pages;
    if (code !== 0 || made === undefined) return code;
    await fs.rm(PAGES, { recursive: true, force: true });
    await fs.rename(made, PAGES);
    await fs.writeFile(STAMP, sources);
  } finally {
    await fs.rm(draft, { recursive: true, force: true });
  }
  say(`docs: ${PAGES}/README.md`);
  return 0;
}

/** Of the sources and of what makes pages of them. */
async function digestOfSources(): Promise<string> {
  const files = ['package.json', 'tsconfig.json'];
  for await (const file of fs.glob(['src/**/*.ts', `${TOOLS}/*`])) files.push(file);
  const hash = createHash('sha256');
  for (const file of files.sort())
    hash
      .update(`${file}\n`)
      .update(await fs.readFile(file))
      .update('\n');
  return hash.digest('hex');
}

/** The node_modules with TypeDoc. Undefined: it could not be had, and that has been said. */
export async function typeDoc(): Promise<string | undefined> {
  const fetched = await cachedPackages(TOOLS, () => say('docs: fetching TypeDoc through npm (once; it is kept) …'));
  if ('packages' in fetched) return fetched.packages;
  say(`docs: npm ci failed:\n${fetched.problem}\nThe npm registry must be reachable once. Then run the same again.`);
  return undefined;
}
