/**
 * The images that docker-compose.yml and the Dockerfile pin: the real ones where they are there or can be pulled, else
 * stand-ins under their names.
 *
 * Invariants
 * 1. An image that is there under its name is never replaced.
 * 2. The names that stand-ins were given are taken away again (`removeStandIns`).
 * 3. What was real and what was not is told (`describeImages`).
 */
import { createHash } from 'node:crypto';
import { existsSync, promises as fs, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { cachedPlace } from './cached.ts';
import { Lacking, type Engine } from './engine.ts';
import { ended, say, succeeded } from './programs.ts';
import { BASE_IMAGE, buildStandIn, npmRegistry, STAND_IN_LABEL, STAND_INS } from './stand-ins.ts';

export interface PinnedImage {
  readonly name: string;
  readonly kind: 'real' | 'stand-in';
  /** Where it comes from; of a stand-in, what is in it. */
  readonly contents: string;
}

const PULL_LIMIT_MS = 10 * 60_000;
const ARCHIVE_LIMIT_MS = 10 * 60_000;

/** Every image that the file names and the Dockerfile begins with. */
export function pinnedImages(root: string): string[] {
  const { services } = parse(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8')) as ComposeFile;
  const named = Object.values(services).flatMap(({ image }) => image ?? []);
  const dockerfile = readFileSync(path.join(root, 'Dockerfile'), 'utf8');
  const begun = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
  return [...new Set([...named, ...begun])].toSorted();
}
interface ComposeFile {
  readonly services: Readonly<Record<string, { readonly image?: string }>>;
}

/** `mayMake`: stand-ins that no archive of the cache has are made, which takes minutes. */
export async function ensureImages(
  names: readonly string[],
  engine: Engine,
  { mayMake }: { readonly mayMake: boolean },
): Promise<PinnedImage[]> {
  const images = new Map<string, PinnedImage>();
  const lacking: string[] = [];
  for (const name of names) {
    const image = (await there(name, engine)) ?? (await pulled(name, engine));
    if (image === undefined) lacking.push(name);
    else images.set(name, image);
  }
  if (lacking.length > 0) {
    say(`  cannot be pulled: ${lacking.join(', ')}; stand-ins take their place`);
    await loadArchive(lacking, engine);
    await makeStandIns(await without(lacking, engine), engine, { mayMake });
    for (const name of lacking) images.set(name, (await there(name, engine))!);
  }
  return names.map((name) => images.get(name)!);
}

export async function removeStandIns(names: readonly string[], engine: Engine): Promise<void> {
  for (const name of [...names, BASE_IMAGE])
    if ((await there(name, engine))?.kind === 'stand-in')
      await ended(['docker', 'image', 'rm', name], { env: engine.env });
}

export function describeImages(images: readonly PinnedImage[]): string {
  const width = Math.max(...images.map(({ name }) => name.length));
  return images.map(({ name, kind, contents }) => `  ${name.padEnd(width)}  ${kind.padEnd(8)}  ${contents}`).join('\n');
}

async function there(name: string, engine: Engine): Promise<PinnedImage | undefined> {
  const format = `{{index .Config.Labels "${STAND_IN_LABEL}"}}`;
  const line = ['docker', 'image', 'inspect', '--format', format, name] as const;
  const { code, stdout } = await ended(line, { env: engine.env });
  if (code !== 0) return undefined;
  const label = stdout.trim();
  return label === ''
    ? { name, kind: 'real', contents: 'the public image, was there' }
    : { name, kind: 'stand-in', contents: label };
}

async function pulled(name: string, engine: Engine): Promise<PinnedImage | undefined> {
  const options = { env: engine.env, limitMs: PULL_LIMIT_MS, doing: `docker pull ${name}` };
  const { code } = await ended(['docker', 'pull', '--quiet', name], options);
  return code === 0 ? { name, kind: 'real', contents: 'the public image, pulled' } : undefined;
}

/** @returns those of `names` that the engine hasn't */
async function without(names: readonly string[], engine: Engine): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) if ((await there(name, engine)) === undefined) missing.push(name);
  return missing;
}

async function makeStandIns(
  names: readonly string[],
  engine: Engine,
  { mayMake }: { readonly mayMake: boolean },
): Promise<void> {
  if (names.length === 0) return;
  if (!mayMake)
    throw new Lacking(
      `${names.join(', ')}: cannot be pulled, and no stand-ins are in the cache. ` +
        '`npm run test:compose` makes and keeps them, which takes minutes.',
    );
  const unknown = names.filter((name) => !STAND_INS.some(({ image }) => image === name));
  if (unknown.length > 0)
    throw new Lacking(
      `${unknown.join(', ')} cannot be pulled, and there is no stand-in for it. ` +
        'Reach the registry (docker pull), or add one to test/compose/stand-ins.ts.',
    );
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Lacking(`${names.join(', ')} cannot be pulled, and stand-ins are made on Linux x64 alone.`);
  for (const standIn of STAND_INS.filter(({ image }) => names.includes(image))) {
    say(`  stand-in for ${standIn.image}`);
    await buildStandIn(standIn, engine);
  }
  await saveArchive(engine);
}

/**
 * All stand-ins in one archive, so that a second run loads what the first one built. It is named by what they are made
 * from; of the real images none is in it.
 */
async function saveArchive(engine: Engine): Promise<void> {
  const names: string[] = [];
  for (const { image } of STAND_INS) if ((await there(image, engine))?.kind === 'stand-in') names.push(image);
  if (names.length < STAND_INS.length) return;
  const place = await archive();
  for (const old of await fs.readdir(path.dirname(place)).catch(() => []))
    if (/^stand-ins-.*\.tar$/.test(old)) await fs.rm(path.join(path.dirname(place), old));
  const draft = `${place}.${process.pid}.tmp`;
  try {
    const options = { env: engine.env, limitMs: ARCHIVE_LIMIT_MS, doing: 'keeping the stand-ins in the cache' };
    await succeeded(['docker', 'save', '--output', draft, ...names], options);
    await fs.rename(draft, place);
  } finally {
    await fs.rm(draft, { force: true });
  }
}

async function loadArchive(lacking: readonly string[], engine: Engine): Promise<void> {
  // Its names would replace those of real images, where some are there.
  const place = await archive();
  if (lacking.length < STAND_INS.length || !existsSync(place)) return;
  const options = { env: engine.env, limitMs: ARCHIVE_LIMIT_MS, doing: 'loading the stand-ins from the cache' };
  await succeeded(['docker', 'load', '--quiet', '--input', place], options);
}

async function archive(): Promise<string> {
  const hash = createHash('sha256');
  const folder = path.join(import.meta.dirname, 'stand-ins');
  const parts = (await fs.readdir(folder)).toSorted().map((file) => path.join(folder, file));
  for (const file of [...parts, ...MAKERS]) hash.update(await fs.readFile(file));
  // They carry where this machine fetches packages from.
  hash.update(await npmRegistry());
  return cachedPlace(`stand-ins-${hash.digest('hex').slice(0, 16)}.tar`);
}
const MAKERS = ['stand-ins.ts', 'cached.ts'].map((file) => path.join(import.meta.dirname, file));
