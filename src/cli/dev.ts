/** `holdfast dev`: a Temporal server and a worker in one, for one's own machine. Ctrl-C ends both. */
import os from 'node:os';
import path from 'node:path';
import { Option } from 'commander';
import type { CodecServer } from '../codec/codec-server.ts';
import { describeTemporal } from '../dev-server/found.ts';
import { freePort } from '../dev-server/ports.ts';
import { startDevServer, type DevServer } from '../dev-server/start.ts';
import { HoldfastError } from '../model/failure.ts';
import { USUAL_CODEC_PORT } from './codec-server.ts';
import { ENCRYPTION_OPTION, EXIT, type CommandSpec, type Context } from './command.ts';
import { wholeNumber } from './numbers.ts';
import { whileSlow } from './terminal.ts';
import { makeWorker, WORKER_OPTIONS, type MadeWorker, type WorkerChoice } from './worker-options.ts';

interface Options extends WorkerChoice {
  readonly port: string;
  readonly uiPort: string;
  readonly codecPort: string;
  readonly db?: string;
}

const NAMESPACE = 'default';
const USUAL_PORT = 7233;

export const devCommand: CommandSpec<Options> = {
  name: 'dev',
  description:
    'The server is found on PATH or in the cache, else downloaded or built, once. ' +
    'With encryption keys there is a codec endpoint, too, which the UI then uses.',
  options: [
    new Option('--port <number>', "the server's port; 0: a free one").default(String(USUAL_PORT)),
    new Option('--ui-port <number>', "the UI's port; 0: a free one").default('8233'),
    new Option('--db <file>', 'keep what the server knows in this file; default: in memory, and forgotten at the end'),
    new Option('--codec-port <number>', "the codec endpoint's port, with encryption keys; 0: a free one").default(
      String(USUAL_CODEC_PORT),
    ),
    ENCRYPTION_OPTION,
    ...WORKER_OPTIONS,
  ],
  examples: [
    ['holdfast dev', ''],
    ['holdfast dev --db temporal.db', 'jobs outlive a restart of the server'],
    ['holdfast dev --port 0 --ui-port 0', 'ports that are free'],
  ],
  async run(context) {
    const { terminal } = context;
    const interrupt = terminal.onInterrupt();
    // A configuration that can't be loaded is told before a server is started for it.
    await context.config();
    const uiPort = await portOf(context.options.uiPort, '--ui-port');
    const codec = await startCodec(context, uiPort);
    let server: DevServer | undefined;
    try {
      server = await startServer(context, uiPort, codec);
      const made = await whileSlow(
        terminal,
        'Starting the worker',
        makeWorker(context, { address: server.address, namespace: NAMESPACE, env: ownServerOnly(terminal.env) }),
      );
      announce(context, server, made, codec);
      const { worker } = made;
      if (interrupt.aborted) worker.shutdown();
      interrupt.addEventListener('abort', () => {
        terminal.err('Ending worker and server …\n');
        worker.shutdown();
      });
      const lost = server.ended.then(() => {
        // Without its server the worker would go on trying.
        worker.shutdown();
        return 'lost' as const;
      });
      const first = await Promise.race([worker.run().then(() => 'ended' as const), lost]);
      if (first === 'lost' && !interrupt.aborted)
        throw new HoldfastError('server-unreachable', 'The Temporal server ended by itself.', {
          address: server.address,
        });
    } finally {
      await server?.stop();
      await codec?.close();
    }
    return { code: EXIT.ok, data: undefined, text: '' };
  },
};

async function portOf(given: string, option: string): Promise<number> {
  const port = wholeNumber(given, option, 0, 65_535);
  return port === 0 ? await freePort() : port;
}

/** The UI is told of it when it starts, and it of the UI. Undefined: encryption is off. */
async function startCodec(context: Context<Options>, uiPort: number): Promise<CodecServer | undefined> {
  const port = wholeNumber(context.options.codecPort, '--codec-port', 0, 65_535);
  const keys = context.encryptionKeys();
  if (!keys.isOn) return undefined;
  const { startCodecServer } = await import('../codec/codec-server.ts');
  return await startCodecServer({ keys, port, uiUrls: [`http://127.0.0.1:${uiPort}`] });
}

async function startServer(
  { options, terminal }: Context<Options>,
  ui: number,
  codec: CodecServer | undefined,
): Promise<DevServer> {
  const grpc = wholeNumber(options.port, '--port', 0, 65_535);
  try {
    return await whileSlow(
      terminal,
      'Starting the Temporal server',
      startDevServer({
        ports: { ...(grpc === 0 ? {} : { grpc }), ui },
        ...(codec === undefined ? {} : { codecEndpoint: codec.url }),
        env: { ...terminal.env },
        onProgress: (line) => terminal.err(`${line}\n`),
        ...(options.db === undefined ? {} : { dbFilename: path.resolve(terminal.cwd, options.db) }),
      }),
    );
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.details['portTaken'] !== true) throw error;
    const nextStep =
      'If a Temporal server runs there already, start only a worker: holdfast worker. ' +
      'Else take free ports: holdfast dev --port 0 --ui-port 0';
    throw new HoldfastError('bad-input', error.message, { ...error.details, nextStep }, { cause: error });
  }
}

/** An API key or TLS of another server would not fit this one. */
function ownServerOnly(
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_'))),
    TEMPORAL_CONFIG_FILE: os.devNull,
  };
}

function announce(
  { options, terminal }: Context<Options>,
  server: DevServer,
  { worker, workspaceRoot, stepsText, encryptionText }: MadeWorker,
  codec: CodecServer | undefined,
): void {
  if (options.json === true) {
    const { address, uiUrl, executable } = server;
    const { taskQueue, encryptionKeyIds } = worker;
    const known = { address, uiUrl, namespace: NAMESPACE, taskQueue, workspaceRoot, codecEndpoint: codec?.url };
    terminal.out(`${JSON.stringify({ ...known, encryptionKeyIds, executable: executable.path }, null, 2)}\n`);
    return;
  }
  const isUsual = server.address.endsWith(`:${USUAL_PORT}`);
  const found = describeTemporal(server.executable).replace(/^Temporal server: /, '');
  const work = `Task Queue ${worker.taskQueue}: ${stepsText}; workspaces in ${workspaceRoot}`;
  const lines = [
    `${terminal.style('bold', 'Temporal')}  ${server.address}  (${found})`,
    `${terminal.style('bold', 'UI')}        ${server.uiUrl ?? 'none'}`,
    `${terminal.style('bold', 'Worker')}    ${work}${encryptionText}`,
    ...(codec === undefined
      ? []
      : [
          `${terminal.style('bold', 'Codec')}     ${codec.url}  ` +
            `(the UI uses it; temporal … --codec-endpoint ${codec.url})`,
        ]),
    '',
    'Next, in another terminal:',
    ...(isUsual ? [] : [`  export TEMPORAL_ADDRESS=${server.address}`]),
    '  holdfast start plan.yaml --wait',
    '  holdfast list',
    '',
    options.db === undefined
      ? 'Ctrl-C ends both, and the server forgets its jobs; --db FILE keeps them.'
      : 'Ctrl-C ends both.',
  ];
  terminal.out(`${lines.join('\n')}\n`);
}
