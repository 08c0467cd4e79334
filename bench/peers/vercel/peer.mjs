/**
 * Vercel's workflow on a host of one's own: its PostgreSQL world, and the bundles of `workflow build` behind a plain
 * HTTP server. The key of its calls is the step's id. The world is started with the server, as its documentation says:
 * then it goes on with what was under way. https://useworkflow.dev/docs/foundations/idempotency
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { versionsOf } from '../versions.ts';

const WORKFLOW = 'workflow//./workflows/five//five';
const ROUTES = '/.well-known/workflow/v1';

export async function open({ folder, stateUrl, packages, prepared, port }, work) {
  globalThis.holdfastPeerWork = work;
  process.chdir(prepared);
  process.env.WORKFLOW_TARGET_WORLD = '@workflow/world-postgres';
  process.env.WORKFLOW_POSTGRES_URL = stateUrl;
  process.env.PORT = String(port);
  bootstrap(packages, join(folder, 'bootstrapped'));
  const server = await serve(prepared, port);
  const { getWorld } = await import('workflow/runtime');
  const { getRun, start } = await import('workflow/api');
  await getWorld().start?.();
  /** Job → its run, which is found again by its argument's name after a restart. */
  const runs = new Map();
  const runOf = async (job) => {
    const known = runs.get(job);
    if (known !== undefined) return known;
    const { data } = await getWorld().runs.list({ workflowName: WORKFLOW });
    return data[0].runId;
  };
  return {
    versions: versionsOf(packages, ['workflow', '@workflow/world-postgres']),
    start: async (job) => void runs.set(job, (await start({ workflowId: WORKFLOW }, [job])).runId),
    outcome: async (job) =>
      await getRun(await runOf(job)).returnValue.then(
        () => ({ kind: 'completed' }),
        (error) => ({ kind: 'failed', why: error.message }),
      ),
    sees: async (job) => {
      const { status, error } = await getWorld().runs.get(await runOf(job));
      return `status ${status}${error === undefined ? '' : `; ${error.message}`}`;
    },
    close: async () => server.close(),
  };
}

/** Its tables: once, as after a deployment; a restart does not do it again. */
function bootstrap(packages, mark) {
  if (existsSync(mark)) return;
  const setup = join(packages, '@workflow/world-postgres/bin/setup.js');
  const { status, stderr } = spawnSync(process.execPath, [setup], { env: process.env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`bootstrap of @workflow/world-postgres ended with ${status}: ${stderr}`);
  writeFileSync(mark, '');
}

/** The three bundles, each a function from a request to a response. */
async function serve(project, port) {
  const handlers = new Map();
  for (const name of ['flow', 'step', 'webhook'])
    handlers.set(`${ROUTES}/${name}`, await import(pathToFileURL(join(project, ROUTES, `${name}.js`)).href));
  const server = createServer((request, response) => {
    answer(handlers, request, response, port).catch((error) => {
      process.stderr.write(`${error.stack}\n`);
      response.writeHead(500).end();
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function answer(handlers, request, response, port) {
  const url = new URL(request.url, `http://127.0.0.1:${port}`);
  const handler = handlers.get(url.pathname);
  const serves = handler?.[request.method] ?? handler?.default?.[request.method];
  if (serves === undefined) return void response.writeHead(404).end();
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
  const body = hasBody ? { body: Buffer.concat(chunks) } : {};
  const told = await serves(new Request(url, { method: request.method, headers: request.headers, ...body }));
  response.writeHead(told.status, Object.fromEntries(told.headers));
  response.end(Buffer.from(await told.arrayBuffer()));
}
