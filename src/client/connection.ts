/**
 * The connection to Temporal: address, namespace, API key and TLS as Temporal's own tools read them (environment
 * variables TEMPORAL_*, the profile of temporal.toml), what is given by option before both.
 *
 * Invariant: whoever can't connect is told the address that was tried.
 */
import { connect } from 'node:net';
import { devNull } from 'node:os';
import { Client, Connection, type ClientOptions, type ConnectionOptions } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { clientDataConverter } from '../codec/data-converter.ts';
import { readKeys } from '../codec/keys.ts';
import { HoldfastError } from '../model/failure.ts';
import { refuseUnknownOptions, type OptionNames } from '../model/options.ts';

/** Where a server is looked for when nothing names one: `temporal server start-dev` listens there. */
export const DEFAULT_ADDRESS = '127.0.0.1:7233';
/** The namespace that is meant when nothing names one. */
export const DEFAULT_NAMESPACE = 'default';
const CONNECT_LIMIT_MS = 5_000;

/** Where the server is, and how it is spoken to. What is left out is read as Temporal's own tools read it. */
export interface ConnectionChoice {
  /** `host:port`. Default: TEMPORAL_ADDRESS, the profile's, 127.0.0.1:7233. */
  readonly address?: string;
  /** Default: TEMPORAL_NAMESPACE, the profile's, `default`. */
  readonly namespace?: string;
  /** Of temporal.toml. Default: TEMPORAL_PROFILE, `default`. */
  readonly profile?: string;
  /** Default: TEMPORAL_API_KEY, the profile's. With one, TLS is on by itself. */
  readonly apiKey?: string;
  /** How long to try, in milliseconds. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /**
   * Keys that payloads are encrypted with. Default: HOLDFAST_ENCRYPTION_KEY_FILE, HOLDFAST_ENCRYPTION_KEYS; without
   * any, payloads are not encrypted.
   */
  readonly encryptionKeyFile?: string;
  /** Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Handed to Temporal's Client as they are. */
export interface ClientExtras {
  /** Such as a tracer's. Default: none. */
  readonly plugins?: NonNullable<ClientOptions['plugins']>;
  /** Of its calls: what a plugin can't add. Default: none. */
  readonly interceptors?: NonNullable<ClientOptions['interceptors']>;
}

export const CONNECTION_CHOICE: OptionNames<ConnectionChoice> = {
  address: true,
  namespace: true,
  profile: true,
  apiKey: true,
  connectTimeoutMs: true,
  encryptionKeyFile: true,
  env: true,
};

/** What both Temporal's client and its worker take. */
export interface TemporalAccess extends Pick<ConnectionOptions, 'tls'> {
  readonly address: string;
  readonly apiKey?: string;
  readonly metadata?: Record<string, string>;
}

/** A connection to Temporal that is open. Whoever has it closes it. */
export interface OpenConnection {
  /** Temporal's own, with the codec of the keys. */
  readonly client: Client;
  /** The one that `client` was made with. */
  readonly connection: Connection;
  /** As it was found: `host:port`. */
  readonly address: string;
  /** The one that `client` speaks of. */
  readonly namespace: string;
}

/**
 * Connects; whoever gets the connection closes it.
 * @throws HoldfastError `server-unreachable`, `permission-denied`, `bad-input` (a profile, file or key that can't be
 * read)
 */
export async function openConnection(
  choice: ConnectionChoice = {},
  extras: ClientExtras = {},
): Promise<OpenConnection> {
  const keys = readKeys(choice);
  const { options, namespace } = readChoice(choice);
  const { address } = options;
  const refusal = await whyRefused(address, choice.connectTimeoutMs ?? CONNECT_LIMIT_MS);
  if (refusal !== undefined) throw connectFailure(address, new Error(refusal));
  try {
    const connection = await Connection.connect({
      ...options,
      connectTimeout: choice.connectTimeoutMs ?? CONNECT_LIMIT_MS,
    });
    return {
      client: new Client({ ...extras, connection, namespace, dataConverter: clientDataConverter(keys) }),
      connection,
      address,
      namespace,
    };
  } catch (cause) {
    throw connectFailure(address, cause);
  }
}

/** The address that `openConnection` would try. @throws HoldfastError `bad-input` */
export function addressOf(choice: ConnectionChoice = {}): { readonly address: string; readonly namespace: string } {
  refuseUnknownOptions('addressOf', choice, CONNECTION_CHOICE);
  const { options, namespace } = readChoice(choice);
  return { address: options.address, namespace };
}

/** What Temporal's libraries take to connect, client and worker alike. @throws HoldfastError `bad-input` */
export function readChoice(choice: ConnectionChoice): { readonly options: TemporalAccess; readonly namespace: string } {
  // An empty variable is one that was meant to be unset (compose files and CI write them so).
  const env = Object.fromEntries(
    Object.entries(choice.env ?? process.env).flatMap(([name, value]) =>
      value === undefined || value === '' ? [] : [[name, value]],
    ),
  );
  try {
    // An empty file has no profile at all, which the reader takes for a failure.
    const disableFile = env['TEMPORAL_CONFIG_FILE'] === devNull;
    const read = loadClientConnectConfig({
      overrideEnvVars: env,
      disableFile,
      ...(choice.profile === undefined ? {} : { profile: choice.profile }),
    });
    const { address, apiKey, tls, metadata } = read.connectionOptions;
    const key = choice.apiKey ?? apiKey;
    const secure = tls ?? (choice.apiKey === undefined ? undefined : true);
    const options = {
      address: hostAndPort(choice.address ?? address ?? DEFAULT_ADDRESS),
      ...(key === undefined ? {} : { apiKey: key }),
      ...(secure == null ? {} : { tls: secure }),
      ...(metadata === undefined ? {} : { metadata: metadata as Record<string, string> }),
    };
    return { options, namespace: choice.namespace ?? read.namespace ?? DEFAULT_NAMESPACE };
  } catch (cause) {
    if (cause instanceof HoldfastError) throw cause;
    throw new HoldfastError(
      'bad-input',
      `Temporal's client configuration cannot be read: ${messageOf(cause)}. ` +
        'Correct temporal.toml, TEMPORAL_PROFILE or the TEMPORAL_* variables.',
      {},
      { cause },
    );
  }
}

const HOST_AND_PORT = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/;
const MAX_PORT = 65_535;

/** gRPC takes port 443 where none is named, and waits for it. @throws HoldfastError `bad-input` */
function hostAndPort(address: string): string {
  const port = Number(HOST_AND_PORT.exec(address)?.[3] ?? 0);
  if (port > 0 && port <= MAX_PORT) return address;
  throw new HoldfastError(
    'bad-input',
    `The address of the Temporal server is "${address}". Expected HOST:PORT, for example ${DEFAULT_ADDRESS}.`,
    { address, nextStep: 'Correct --address, TEMPORAL_ADDRESS or the profile of temporal.toml.' },
  );
}

/**
 * gRPC tries a refused connection again until its deadline and then says only that; the operating system says at once
 * that nobody listens there or that there is no such host. Undefined: somebody listens, or it can't be told so simply.
 */
async function whyRefused(address: string, limitMs: number): Promise<string | undefined> {
  const parts = HOST_AND_PORT.exec(address);
  if (parts === null) return undefined;
  const host = parts[1] ?? parts[2]!;
  const socket = connect({ host, port: Number(parts[3]), timeout: limitMs });
  try {
    return await new Promise((resolve) => {
      socket.once('connect', () => resolve(undefined));
      socket.once('timeout', () => resolve(undefined));
      socket.once('error', ({ code }: NodeJS.ErrnoException) => {
        if (code === 'ECONNREFUSED') resolve('connection refused');
        else resolve(code === 'ENOTFOUND' ? `there is no host ${host}` : undefined);
      });
    });
  } finally {
    socket.destroy();
  }
}

function connectFailure(address: string, cause: unknown): HoldfastError {
  const inner = (cause as { cause?: unknown }).cause;
  const reason = messageOf(inner ?? cause);
  if (/UNAUTHENTICATED|PERMISSION_DENIED/.test(reason)) {
    return new HoldfastError(
      'permission-denied',
      `The Temporal server at ${address} refuses these credentials: ${reason}.`,
      { address },
      { cause },
    );
  }
  return new HoldfastError(
    'server-unreachable',
    `No Temporal server answers at ${address} (${reason}).`,
    { address },
    { cause },
  );
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replace(/\.$/, '');
}
