/** A Temporal server with its database in a file: it can be killed and started again, and its way can be cut. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { freePort } from '../../src/dev-server/ports.ts';
import { startDevServer, type DevServer } from '../../src/dev-server/start.ts';
import { Relay } from './relay.ts';
import type { TestTemporal } from './temporal.ts';

export interface RestartableTemporal extends TestTemporal {
  /** The worker's way to the server, and that of the command line; `connection` has its own. */
  readonly relay: Relay;
  /** SIGKILL: what it had not stored is gone. */
  kill(): Promise<void>;
  startAgain(): Promise<void>;
}

/** Call it once, at the top of a test file. */
export async function restartableTemporal(): Promise<RestartableTemporal> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-temporal-'));
  const dbFilename = join(folder, 'temporal.sqlite');
  const grpc = await freePort();
  const start = (): Promise<DevServer> => startDevServer({ ui: false, dbFilename, ports: { grpc } });
  let server = await start();
  const relay = await Relay.to(server.address);
  const { address } = relay;
  const connection = await Connection.connect({ address: server.address });
  let native: Promise<NativeConnection> | undefined;
  after(async () => {
    await (await native)?.close();
    await connection.close();
    await relay[Symbol.asyncDispose]();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    address,
    namespace: 'default',
    env: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'default' },
    connection,
    client: new Client({ connection }),
    nativeConnection: () => (native ??= NativeConnection.connect({ address })),
    unique: (prefix) => `${prefix}-${randomBytes(6).toString('hex')}`,
    relay,
    async kill() {
      process.kill(-server.pid, 'SIGKILL');
      await server.ended;
    },
    async startAgain() {
      server = await start();
    },
  };
}
