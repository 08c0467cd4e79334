/**
 * Starts a Temporal server for development and tests.
 *
 * Invariant: a started server ends with the process that started it, also by SIGKILL
 * (`effects/processes/supervised.ts`).
 */
import { startSupervised } from '../effects/processes/supervised.ts';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { searchAttributesOf, startDevArguments, type ServerArguments } from './arguments.ts';
import { findTemporal } from './find.ts';
import type { FindTemporalOptions, TemporalExecutable } from './found.ts';
import { assertPortFree, freePort } from './ports.ts';
import { waitUntilReady } from './ready.ts';

export interface DevServerOptions extends Omit<FindTemporalOptions, 'address'>, ServerArguments {
  /** Default: free ones. */
  readonly ports?: { readonly grpc?: number; readonly ui?: number };
  /** Default: true. */
  readonly ui?: boolean;
  /** Each line that the server prints (warnings and worse). */
  readonly log?: (line: string) => void;
}

export interface DevServer {
  /** `127.0.0.1:port`. */
  readonly address: string;
  readonly uiUrl: string | undefined;
  readonly executable: TemporalExecutable;
  /** Of the supervisor; also the id of the process group. */
  readonly pid: number;
  /** Resolves when the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Ends it and waits. Safe to repeat. */
  stop(): Promise<void>;
}

const START_ATTEMPTS = 3;

/**
 * Starts `temporal server start-dev` on 127.0.0.1 and waits until it answers and knows the search attributes.
 * @throws HoldfastError `server-unreachable` with the server's last lines when it doesn't come up.
 */
export async function startDevServer(options: DevServerOptions = {}): Promise<DevServer> {
  const executable = await findTemporal({ ...options, address: false });
  if (executable.kind !== 'executable')
    throw new HoldfastError('defect', 'An address was found where a program was wanted.');
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(executable, options);
    } catch (error) {
      // A free port can be taken by another process before the server binds it.
      const taken = error instanceof HoldfastError && error.details['portTaken'] === true ? error : undefined;
      const wanted: readonly unknown[] = [options.ports?.grpc, options.ports?.ui];
      if (taken === undefined || wanted.includes(taken.details['port']) || attempt === START_ATTEMPTS) throw error;
    }
  }
}

async function startOnce(executable: TemporalExecutable, options: DevServerOptions): Promise<DevServer> {
  const port = options.ports?.grpc ?? (await freePort());
  const uiPort = options.ui === false ? undefined : (options.ports?.ui ?? (await freePort()));
  await assertPortFree(port, 'the server');
  if (uiPort !== undefined) await assertPortFree(uiPort, 'the UI');
  const server = startSupervised({
    command: executable.path,
    args: startDevArguments(port, uiPort, options),
    env: withoutTemporalVariables(options.env ?? process.env),
    ...defined({ onLine: options.log }),
  });
  const address = `127.0.0.1:${port}`;
  try {
    await waitUntilReady(address, server, Object.keys(searchAttributesOf(options)));
  } catch (error) {
    await server.stop();
    throw error;
  }
  const { pid, ended } = server;
  return {
    address,
    uiUrl: uiPort === undefined ? undefined : `http://127.0.0.1:${uiPort}`,
    executable,
    pid,
    ended,
    stop: () => server.stop(),
  };
}

/** Those tell a client where a server is; the server's own command line would read them too. */
function withoutTemporalVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}
