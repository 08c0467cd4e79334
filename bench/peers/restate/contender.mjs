/**
 * Restate: its server of one node with its defaults (the log is fsynced), and a service whose handler wraps each step
 * in `ctx.run`, over HTTP/2 on this machine. https://docs.restate.dev/develop/ts/durable-steps
 */
import { join } from 'node:path';
import * as restate from '@restatedev/restate-sdk';
import { freePort } from '../../../src/dev-server/ports.ts';
import { versionsOf } from '../versions.ts';
import { posted, startServer } from '../restate-server.ts';

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
