/** Waits for a peer's server. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SupervisedProcess } from '../../src/effects/processes/supervised.ts';

const LOOK_EVERY_MS = 100;

/**
 * Until each of the addresses answers well.
 * @param what the server, for people
 * @throws an Error with what it printed last, once it is stopped: it has ended, or does not answer within the limit
 */
export async function untilHealthy(
  server: SupervisedProcess,
  { what, urls, limitMs }: { readonly what: string; readonly urls: readonly string[]; readonly limitMs: number },
): Promise<void> {
  const deadlineMs = Date.now() + limitMs;
  while (Date.now() < deadlineMs && server.exitCode === undefined) {
    const healthy = await Promise.all(urls.map(isHealthy));
    if (!healthy.includes(false)) return;
    await delay(LOOK_EVERY_MS);
  }
  await server.stop();
  throw new Error(`${what} did not come up. It printed:\n${server.lastLines()}`);
}

async function isHealthy(url: string): Promise<boolean> {
  return await fetch(url).then(
    (answer) => answer.ok,
    () => false,
  );
}
