/** `holdfast codec-server`: the endpoint by which Temporal's UI and command line show encrypted payloads. */
import { Option } from 'commander';
import { HoldfastError } from '../model/failure.ts';
import { collect, ENCRYPTION_OPTION, EXIT, type CommandSpec } from './command.ts';
import { wholeNumber } from './numbers.ts';
import { defined } from '../model/defined.ts';

interface Options {
  readonly port: string;
  readonly ui?: readonly string[];
  readonly tokenEnv?: string;
}

export const USUAL_CODEC_PORT = 8081;
const USUAL_UI = 'http://localhost:8233';

export const codecServerCommand: CommandSpec<Options> = {
  name: 'codec-server',
  description:
    'It listens on 127.0.0.1 only. Who can ask it can read what is encrypted; a web page can only if it is the UI.',
  options: [
    new Option('--port <number>', '0: a free one').default(String(USUAL_CODEC_PORT)),
    new Option('--ui <url>', `the Temporal UI that may ask; may be repeated; default: ${USUAL_UI}`).argParser(collect),
    new Option(
      '--token-env <name>',
      'an environment variable with a token that whoever asks has to give (Authorization: Bearer …)',
    ),
    ENCRYPTION_OPTION,
  ],
  examples: [
    ['holdfast codec-server', ''],
    ['temporal workflow show --workflow-id JOB --codec-endpoint http://127.0.0.1:8081', 'in another terminal'],
    ['holdfast codec-server --ui https://temporal.example.com', 'for another UI'],
  ],
  async run(context) {
    const { terminal, options } = context;
    const token = options.tokenEnv === undefined ? undefined : tokenOf(options.tokenEnv, terminal.env);
    const uiUrls = options.ui ?? [USUAL_UI];
    const keys = context.encryptionKeys();
    const interrupt = terminal.onInterrupt();
    const { startCodecServer } = await import('../codec/codec-server.ts');
    const server = await startCodecServer({
      keys,
      port: wholeNumber(options.port, '--port', 0, 65_535),
      uiUrls,
      ...defined({ token }),
    });
    try {
      const data = { url: server.url, uiUrls, keyIds: keys.ids, needsToken: token !== undefined };
      const url = terminal.style('bold', server.url);
      const auth = token === undefined ? '' : ` --codec-auth "Bearer $${options.tokenEnv ?? ''}"`;
      const setting = '"Use Cluster-level setting and fallback to browser-level setting"';
      const lines = [
        `Codec endpoint ${url} for the UI at ${uiUrls.join(', ')}; keys: ${keys.ids.join(', ')}. Ctrl-C ends it.`,
        `  in the UI:            the glasses at the top right, ${setting}: ${server.url}`,
        `  on the command line:  temporal workflow show --workflow-id JOB --codec-endpoint ${server.url}${auth}`,
      ];
      terminal.out(options.json === true ? `${JSON.stringify(data, null, 2)}\n` : `${lines.join('\n')}\n`);
      if (!interrupt.aborted)
        await new Promise<void>((resolve) => interrupt.addEventListener('abort', () => resolve(), { once: true }));
    } finally {
      await server.close();
    }
    return { code: EXIT.ok, data: undefined, text: '' };
  },
};

function tokenOf(name: string, env: Readonly<Record<string, string | undefined>>): string {
  const token = env[name];
  if (token !== undefined && token !== '') return token;
  throw new HoldfastError(
    'missing-variable',
    `The environment variable ${name}, which --token-env names, is ${token === undefined ? 'not set' : 'empty'}.`,
    { name, nextStep: `Set it to a token of your choice: export ${name}="$(openssl rand -hex 32)"` },
  );
}
