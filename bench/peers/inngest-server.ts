/**
 * Inngest's server of one node, as its page on self-hosting starts it: SQLite, its queue in memory. Its npm package
 * holds a script that fetches the program from elsewhere, so it is built from its Go module, once.
 * https://www.inngest.com/docs/self-hosting
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from '../../src/dev-server/cache-directory.ts';
import { onPath } from '../../src/dev-server/on-path.ts';
import { freePort } from '../../src/dev-server/ports.ts';
import { runProgram } from '../../src/dev-server/run-program.ts';
import { startSupervised, type SupervisedProcess } from '../../src/effects/processes/supervised.ts';
import { untilHealthy } from './until-healthy.ts';

/** The newest that the registry of Go's modules gives. */
export const INNGEST_SERVER_VERSION = '1.44.0';

const MODULE = `github.com/inngest/inngest@v${INNGEST_SERVER_VERSION}`;
/** Its own build puts its pages there; they are not in the module, and the program does not compile without them. */
const PAGES = ['pkg/devserver/static', 'internal/embeddocs/website/pages/docs'];
const BUILD_LIMIT_MS = 20 * 60_000;
const READY_LIMIT_MS = 60_000;

export interface InngestServer {
  readonly url: string;
  /** In hexadecimal. */
  readonly signingKey: string;
  readonly process: SupervisedProcess;
}

/**
 * @param folder its own; it is removed when the server ends
 * @throws an Error that says why it can't be had
 */
export async function startServer(folder: string, say: (line: string) => void): Promise<InngestServer> {
  const command = await program(say);
  const signingKey = randomBytes(32).toString('hex');
  const ports: number[] = [];
  for (let count = 0; count < 4; count++) ports.push(await freePort());
  const [port, gateway, gatewayRpc, executorRpc] = ports;
  mkdirSync(folder, { recursive: true });
  const server = startSupervised({
    command,
    args: [
      'start',
      '--host=127.0.0.1',
      `--port=${port}`,
      `--connect-gateway-port=${gateway}`,
      `--connect-gateway-grpc-port=${gatewayRpc}`,
      `--connect-executor-grpc-port=${executorRpc}`,
      '--event-key=holdfast',
      `--signing-key=${signingKey}`,
      `--sqlite-dir=${folder}`,
      '--no-ui',
    ],
    removeAfterwards: folder,
    env: { ...process.env, DO_NOT_TRACK: '1', DISABLE_TELEMETRY: '1' },
  });
  const url = `http://127.0.0.1:${port}`;
  await untilHealthy(server, { what: "Inngest's server", urls: [`${url}/health`], limitMs: READY_LIMIT_MS });
  return { url, signingKey, process: server };
}

/** In the user's cache, whole or not at all. */
async function program(say: (line: string) => void): Promise<string> {
  const folder = join(cacheDirectory(), 'inngest');
  const file = join(folder, `inngest-${INNGEST_SERVER_VERSION}`);
  if (existsSync(file)) return file;
  const go = onPath('go', process.env);
  if (go === undefined)
    throw new Error("its npm package holds no server, and there is no Go to build the server's module with");
  say(`inngest: building its server, version ${INNGEST_SERVER_VERSION}, with ${go}, once; some minutes …`);
  const draft = join(folder, `${process.pid}.tmp`);
  mkdirSync(draft, { recursive: true });
  try {
    const built = await build(go, draft, say);
    renameSync(built, file);
    return file;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** From a copy of the module, which Go keeps read-only. */
async function build(go: string, draft: string, say: (line: string) => void): Promise<string> {
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' };
  const { stdout } = await promisify(execFile)(go, ['mod', 'download', '-json', MODULE], { env, cwd: draft });
  const { Dir: module } = JSON.parse(stdout) as { readonly Dir: string };
  const source = join(draft, 'source');
  cpSync(module, source, { recursive: true });
  makeWritable(source);
  for (const pages of PAGES) {
    mkdirSync(join(source, pages), { recursive: true });
    writeFileSync(join(source, pages, 'none.md'), 'Built without pages.\n');
  }
  const file = join(draft, 'inngest');
  const args = ['build', '-ldflags', '-s -w', '-o', file, './cmd'];
  const problem = await runProgram(go, args, { limitMs: BUILD_LIMIT_MS, cwd: source, env, onProgress: say });
  if (problem !== undefined) throw new Error(`the server's Go module ${MODULE} was not built: ${problem}`);
  return file;
}

function makeWritable(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) makeWritable(join(folder, entry.name));
}
