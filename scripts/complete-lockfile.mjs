/**
 * Completes package-lock.json: `node scripts/complete-lockfile.mjs` after every `npm install`.
 *
 * A registry mirror may hold the binaries of some platforms only. npm then leaves the others out of the lockfile
 * without a word, and `npm ci` refuses such a lockfile on every platform. What is missing follows from the entries that
 * name it: the version is there, the platform is in the name. There is no integrity to take from anywhere; npm records
 * it when it installs one of them.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const file = path.join(path.dirname(fileURLToPath(import.meta.url)), '../package-lock.json');
const lock = JSON.parse(fs.readFileSync(file, 'utf8'));
const packages = lock.packages;
let added = 0;

for (const owner of Object.values(packages)) {
  for (const [name, version] of Object.entries(owner.optionalDependencies ?? {})) {
    if (packages[`node_modules/${name}`] !== undefined) continue;
    packages[`node_modules/${name}`] = entryOf(name, version);
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
fs.writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stdout.write(`package-lock.json: ${added} entries added\n`);

function entryOf(name, version) {
  const platform =
    /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x)(?:-(\w+))?$/.exec(name);
  // A sibling is the same package for another platform: what doesn't depend on the platform is the same.
  const sibling = Object.entries(packages).find(
    ([place, entry]) =>
      place.startsWith(`node_modules/${name.split('/')[0]}/`) && entry.version === version && entry.os,
  );
  if (platform === null || sibling === undefined)
    throw new Error(`${name} ${version}: its platform can't be told from its name; add the entry by hand.`);
  const [, os, cpu, abi = ''] = platform;
  const { dev, license, engines, libc } = sibling[1];
  return {
    version,
    cpu: [cpu],
    ...(dev ? { dev } : {}),
    ...(os === 'linux' && libc ? { libc: [abi.startsWith('musl') ? 'musl' : 'glibc'] } : {}),
    license,
    optional: true,
    os: [os],
    ...(engines ? { engines } : {}),
  };
}
