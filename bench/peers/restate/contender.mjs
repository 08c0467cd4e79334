/**
 * Restate: its server of one node with its defaults (the log is fsynced), and a service whose handler wraps each step
 * in `ctx.run`, over HTTP/2 on this machine. https://docs.restate.dev/develop/ts/durable-steps
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as restate from '@restatedev/restate-sdk';
import { freePort } from '../../../src/dev-server/ports.ts';
import { startSupervised } from '../../../src/effects/processes/supervised.ts';
import { versionsOf } from '../versions.ts';

const READY_LIMIT_MS = 30_000;

export async function open({ folder, packages }, work) {
  const server = await startServer(join(folder, 'restate'), packages);
  const notes = restate.service({
    name: 'notes',
    handlers: {
      writeAll: async (ctx, { job, steps }) => {
        for (let index = 0; index < steps; index++) await ctx.run('note', async () => await work.act(job, index));
      },
    },
  });
  const port = await freePort();
  await restate.serve({ services: [notes], port });
  await posted(`${server.admin}/deployments`, { uri: `http://127.0.0.1:${port}` });
  return {
    versions: versionsOf(packages, ['@restatedev/restate-sdk', '@restatedev/restate-server']),
    variants: {
      'restate-run': async (job, steps) =>
        await posted(`${server.ingress}/notes/writeAll`, { job, steps }, { 'idempotency-key': job }),
    },
    close: async () => await server.process.stop(),
  };
}

async function startServer(folder, packages) {
  const [fabric, ingress, admin] = [await freePort(), await freePort(), await freePort()];
  const platform = `${process.platform}-${process.arch}`;
  const server = startSupervised({
    command: join(packages, `@restatedev/restate-server-${platform}/bin/restate-server`),
    args: ['--no-logo', '--listen-mode', 'tcp', '--base-dir', folder],
    removeAfterwards: folder,
    env: {
      ...process.env,
      RESTATE_BIND_IP: '127.0.0.1',
      RESTATE_BIND_PORT: String(fabric),
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_DISABLE_TELEMETRY: 'true',
      RESTATE_LOG_FILTER: 'error',
    },
  });
  const urls = { ingress: `http://127.0.0.1:${ingress}`, admin: `http://127.0.0.1:${admin}` };
  const deadlineMs = Date.now() + READY_LIMIT_MS;
  while (Date.now() < deadlineMs && server.exitCode === undefined) {
    if ((await isHealthy(`${urls.admin}/health`)) && (await isHealthy(`${urls.ingress}/restate/health`)))
      return { ...urls, process: server };
    await delay(100);
  }
  await server.stop();
  throw new Error(`Restate's server did not come up on ${platform}. It printed:\n${server.lastLines()}`);
}

async function isHealthy(url) {
  return await fetch(url).then(
    (answer) => answer.ok,
    () => false,
  );
}

async function posted(url, body, headers = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
}
