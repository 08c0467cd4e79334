/**
 * Restate: a `ctx.run` each, with its default retries; the key of its calls comes from its own seeded random numbers.
 * Its server goes on by itself once the service is reachable again.
 * https://docs.restate.dev/develop/ts/durable-steps
 */
import * as restate from '@restatedev/restate-sdk';
import { versionsOf } from '../versions.ts';
import { posted } from '../restate-server.ts';

const STEPS = 5;

export async function open({ server, packages, port }, work) {
  // Of this case alone: all share the server.
  const name = `five${port}`;
  const five = restate.service({
    name,
    handlers: {
      run: async (ctx, { job }) => {
        for (let index = 1; index <= STEPS; index++) {
          const key = ctx.rand.uuidv4();
          await ctx.run(`act-${index}`, async () => await work.act(job, index, key));
        }
      },
    },
  });
  await restate.serve({ services: [five], port });
  let isRegistered = false;
  // Once: the server keeps it through the process's restarts.
  const register = async () => {
    if (!isRegistered) await posted(`${server.admin}/deployments`, { uri: `http://127.0.0.1:${port}` });
    isRegistered = true;
  };
  const send = async (job, way = '') =>
    await fetch(`${server.main}/${name}/run${way}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': job },
      body: JSON.stringify({ job }),
    });
  return {
    versions: versionsOf(packages, ['@restatedev/restate-sdk', '@restatedev/restate-server']),
    start: async (job) => {
      await register();
      await send(job, '/send');
    },
    // With the same key it is waited for, not started again.
    outcome: async (job) => {
      const answer = await send(job);
      return answer.ok ? { kind: 'completed' } : { kind: 'failed', why: await answer.text() };
    },
    sees: async () => {
      const columns = 'status, retry_count, last_failure';
      const query = `SELECT ${columns} FROM sys_invocation WHERE target_service_name = '${name}'`;
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const answer = await fetch(`${server.admin}/query`, { method: 'POST', headers, body: JSON.stringify({ query }) });
      const [{ status, retry_count: retries, last_failure: failure }] = (await answer.json()).rows;
      if (failure === undefined || failure === null) return `status ${status}`;
      // A stack follows.
      return `status ${status}; retry ${retries}; ${failure.split('\n')[0]}`;
    },
    close: async () => undefined,
  };
}
