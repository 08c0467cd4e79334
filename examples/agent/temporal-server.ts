/** The Temporal server that is there, or one of `holdfast dev` for as long as this example runs. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { connectHoldfast, type HoldfastClient } from 'holdfast/client';

export async function findOrStartServer(): Promise<AsyncDisposable> {
  if (await isThere()) return { [Symbol.asyncDispose]: async () => undefined };
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  process.env['TEMPORAL_ADDRESS'] = address;
  console.log(`No Temporal server answers; starting one of \`holdfast dev\` (TEMPORAL_ADDRESS=${address}).`);
  const built = fileURLToPath(new URL('dist/cli.js', import.meta.resolve('holdfast/package.json')));
  const cli = existsSync(built) ? built : built.replace(/dist\/cli\.js$/, 'src/cli.ts');
  const child = spawn(process.execPath, [cli, 'dev', '--port', String(port), '--ui-port', '0'], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const isOver = ended.then(() => true);
  while (!(await isThere())) {
    const pause = new Promise<false>((resolve) => void setTimeout(() => resolve(false), 500));
    if (await Promise.race([isOver, pause])) throw new Error('It has not started: type `npx holdfast dev` to see why.');
  }
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT');
      await ended;
    },
  };
}

async function isThere(): Promise<boolean> {
  let client: HoldfastClient | undefined;
  try {
    client = await connectHoldfast();
    return true;
  } catch {
    return false;
  } finally {
    await client?.close();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  return port;
}
