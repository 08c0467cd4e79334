/**
 * Inngest: a `step.run` each, with the SDK's defaults (checkpointing, four retries); the key of its calls is made of
 * the run's id and the step's, as its page on idempotency advises. Its server goes on by itself once the app answers.
 * https://www.inngest.com/docs/guides/handling-idempotency
 */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Inngest } from 'inngest';
import { createServer } from 'inngest/node';
import { versionsOf } from '../versions.ts';

const STEPS = 5;
const LOOK_EVERY_MS = 50;

export async function open({ server, packages, port }, work) {
  const { main: baseUrl, signingKey } = server;
  // Of this case alone: all share the server.
  const name = `five-${port}`;
  const inngest = new Inngest({ id: name, baseUrl, eventKey: 'holdfast', signingKey, isDev: false, logger: silent });
  const five = inngest.createFunction({ id: 'five', triggers: { event: name } }, async ({ event, runId, step }) => {
    for (let index = 1; index <= STEPS; index++)
      await step.run(`act-${index}`, async () => await work.act(event.data.job, index, `${runId}-act-${index}`));
  });
  const app = createServer({ client: inngest, functions: [five] });
  app.listen(port, '127.0.0.1');
  await once(app, 'listening');
  let isRegistered = false;
  // Once: the server keeps it through the process's restarts.
  const register = async () => {
    if (!isRegistered) await answered(fetch(`http://127.0.0.1:${port}/api/inngest`, { method: 'PUT' }));
    isRegistered = true;
  };
  // The server keeps its answers for some seconds, by their address.
  let count = 0;
  const asked = async (path, query = '') =>
    await answered(
      fetch(`${baseUrl}/v1/${path}?count=${process.pid}-${++count}${query}`, {
        headers: { authorization: `Bearer ${signingKey}` },
      }),
    );
  /** Found again by its event's name after a restart. */
  const runOf = async (job) => {
    const { data: events } = await asked('events', `&name=${name}&limit=100`);
    const event = events.find(({ data }) => data.job === job);
    if (event === undefined) return undefined;
    const { data: runs } = await asked(`events/${event.internal_id}/runs`);
    return runs[0];
  };
  return {
    versions: { ...versionsOf(packages, ['inngest']), 'inngest server': server.version },
    start: async (job) => {
      await register();
      await inngest.send({ name, data: { job } });
    },
    outcome: async (job) => {
      for (;;) {
        const run = await runOf(job);
        // Between two steps, or two attempts, the status is that of the last one.
        const status = run === undefined || run.ended_at === null ? 'Running' : run.status;
        if (status === 'Completed') return { kind: 'completed' };
        if (status === 'Failed') return { kind: 'failed', why: words(run.output ?? '') };
        await delay(LOOK_EVERY_MS);
      }
    },
    sees: async (job) => {
      const { status, output, ended_at: ended } = await runOf(job);
      const what = ended === null ? `status ${status}, not ended` : `status ${status}`;
      return output === undefined || output === null || output === '' ? what : `${what}; ${words(output)}`;
    },
    close: async () => app.close(),
  };
}

const silent = { info() {}, warn() {}, error() {}, debug() {} };

function words(output) {
  return typeof output === 'string' ? output : (output.message ?? JSON.stringify(output));
}

async function answered(asking) {
  const answer = await asking;
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}
