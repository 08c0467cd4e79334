/**
 * Are the packages of Temporal's SDK there, in a version that Holdfast can use? They are peers: the project's own,
 * which some package managers neither install nor check. Without this look the first import would end in a stack trace.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { startProblemText, type StartProblem } from './node-version.ts';
import { addingPackages } from './package-manager.ts';

/** By name: the version, undefined where there is none. */
export type FoundPackages = Readonly<Record<string, string | undefined>>;

/** What to print where the SDK can't be used; undefined: it can. */
export function sdkProblem(json: boolean): string | undefined {
  const wanted = wantedPackages();
  const problem = problemOf(wanted, foundPackages(Object.keys(wanted)), addingPackages(process.cwd()));
  return problem === undefined ? undefined : startProblemText(problem, json);
}

interface Manifest {
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** By name: the range, as package.json has it. Peers that may be absent are looked for by what needs them. */
export function wantedPackages(): Readonly<Record<string, string>> {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { peerDependencies, peerDependenciesMeta } = JSON.parse(manifest) as Manifest;
  const needed = Object.entries(peerDependencies).filter(([name]) => peerDependenciesMeta[name]?.optional !== true);
  return Object.fromEntries(needed);
}

export function foundPackages(names: readonly string[]): FoundPackages {
  const { resolve } = createRequire(import.meta.url);
  return Object.fromEntries(names.map((name) => [name, versionAt(() => resolve(`${name}/package.json`))]));
}

function versionAt(place: () => string): string | undefined {
  try {
    return (JSON.parse(readFileSync(place(), 'utf8')) as { readonly version: string }).version;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/**
 * `wanted`: ranges such as `^1.18.1`. What is missing is asked for in the version that the others have.
 * `adding`: what is typed before packages to add them.
 */
export function problemOf(
  wanted: Readonly<Record<string, string>>,
  found: FoundPackages,
  adding = 'npm install',
): StartProblem | undefined {
  const names = Object.keys(wanted);
  const unfit = names.filter((name) => found[name] !== undefined && !isWithin(found[name], wanted[name]!));
  const missing = names.filter((name) => found[name] === undefined);
  if (unfit.length > 0) {
    const listed = unfit.map((name) => `${name} is ${found[name]!}, Holdfast needs ${wanted[name]!}`).join('; ');
    const nextStep = `${adding} ${names.map((name) => `${name}@${wanted[name]!}`).join(' ')}`;
    return { message: `Temporal's SDK does not fit: ${listed}.`, nextStep, details: { found } };
  }
  if (missing.length === 0) return undefined;
  const there = names.map((name) => found[name]).find((version) => version !== undefined);
  return {
    message:
      `Of Temporal's SDK, ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing. Holdfast uses the ` +
      'SDK that your project has, and this package manager has not installed it by itself.',
    nextStep: `${adding} ${missing.map((name) => `${name}@${there ?? wanted[name]!}`).join(' ')}`,
    details: { missing },
  };
}

/** `range` is `^MAJOR.MINOR.PATCH`. A version before a release (`1.25.0-rc.1`) counts as that release. */
function isWithin(version: string, range: string): boolean {
  const [major, minor, patch] = numbersOf(version);
  const [wantedMajor, wantedMinor, wantedPatch] = numbersOf(range.replace('^', ''));
  if (major !== wantedMajor) return false;
  return minor > wantedMinor || (minor === wantedMinor && patch >= wantedPatch);
}

function numbersOf(version: string): readonly [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  return [major, minor, patch];
}
