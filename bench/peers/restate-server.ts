/** Restate's server of one node, with its defaults; its log is fsynced. */
import { join } from 'node:path';
import { freePort } from '../../src/dev-server/ports.ts';
import { startSupervised, type SupervisedProcess } from '../../src/effects/processes/supervised.ts';
import { untilHealthy } from './until-healthy.ts';

const READY_LIMIT_MS = 30_000;

export interface RestateServer {
  readonly ingress: string;
  readonly admin: string;
  readonly process: SupervisedProcess;
}

/**
 * @param folder its own; it is removed when the server ends
 * @param packages the node_modules with the server's binary
 */
export async function startServer(folder: string, packages: string): Promise<RestateServer> {
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
  await untilHealthy(server, {
    what: `Restate's server on ${platform}`,
    urls: [`${urls.admin}/health`, `${urls.ingress}/restate/health`],
    limitMs: READY_LIMIT_MS,
  });
  return { ...urls, process: server };
}

export async function posted(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
}
