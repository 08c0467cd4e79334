/** Ports of 127.0.0.1. */
import { createServer } from 'node:net';
import { HoldfastError } from '../model/failure.ts';

/** A port that nobody had a moment ago. */
export async function freePort(): Promise<number> {
  return bindOnce(0);
}

/** Another program's server on this port would answer in place of ours. @throws HoldfastError `server-unreachable` */
export async function assertPortFree(port: number, use: string): Promise<void> {
  try {
    await bindOnce(port);
  } catch (cause) {
    throw new HoldfastError(
      'server-unreachable',
      `Port ${port} of 127.0.0.1, for ${use}, is taken by another program. Choose another port, or end that program.`,
      { port, portTaken: true },
      { cause },
    );
  }
}

async function bindOnce(port: number): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(port, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new HoldfastError('defect', 'A TCP socket has no port.');
  return address.port;
}
