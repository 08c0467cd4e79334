/** What all runs of a crash test share: the server, the bundle of Workflows, the stand-in, where to put things. */
import { writeFileSync } from 'node:fs';
import { devNull } from 'node:os';
import path from 'node:path';
import { connectHoldfast, type HoldfastClient } from '../client.ts';
import { loadConfig, type LoadedConfig } from '../config.ts';
import { startDevServer } from '../dev-server/start.ts';
import { defined } from '../model/defined.ts';
import { bundleWorkflows } from '../worker.ts';
import { Belongings, removeLeftBehind } from './belongings.ts';
import type { CrashTestOptions, CrashTestSetUp } from './options.ts';
import { isPostgres } from './postgres-copy.ts';
import { loadSetUp } from './set-up.ts';
import { StandIn } from './stand-in.ts';
import { subjectOf, type Subject } from './subject.ts';

export interface Session extends AsyncDisposable {
  readonly options: CrashTestOptions;
  readonly subject: Subject;
  readonly setUp: CrashTestSetUp;
  readonly config: LoadedConfig;
  readonly client: HoldfastClient;
  readonly standIn: StandIn;
  readonly bundlePath: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly belongings: Belongings;
}

/** A Query may go to a worker that was just killed. */
const QUERY_LIMIT_MS = 2_000;

/** @throws HoldfastError for what can't be tested, before anything is started */
export async function openSession(options: CrashTestOptions): Promise<Session> {
  const { cwd = process.cwd() } = options;
  const env = testEnv(options);
  const config = await loadConfig({ cwd, ...defined({ config: options.config, steps: options.steps }) });
  const setUp = options.setUp === undefined ? {} : await loadSetUp(path.resolve(cwd, options.setUp));
  const subject = await subjectOf({ options, setUp, config, cwd, env });
  const removals: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const remove of removals.splice(0).reverse()) await remove();
  };
  try {
    await removeLeftBehind(Object.values(subject.world.databases).filter(isPostgres));
    const belongings = new Belongings();
    removals.push(() => belongings.close());
    const bundlePath = path.join(belongings.root, 'workflows.json');
    const workflowsPath = workflowsOf(options, config, cwd);
    const bundling = bundleWorkflows(workflowsPath).then((bundle) => writeFileSync(bundlePath, withoutSources(bundle)));
    const serving = options.address === undefined ? startDevServer({ ui: false, env: { ...env } }) : undefined;
    const [bundled, served] = await Promise.allSettled([bundling, serving]);
    const server = served.status === 'fulfilled' ? served.value : undefined;
    if (server !== undefined) removals.push(() => server.stop());
    for (const one of [bundled, served]) if (one.status === 'rejected') throw one.reason;
    const address = options.address ?? server!.address;
    const standIn = await StandIn.start(options.http ?? []);
    removals.push(() => standIn.stop());
    const namespace = options.namespace ?? 'default';
    const client = await connectHoldfast({ address, namespace, env, queryTimeoutMs: QUERY_LIMIT_MS });
    removals.push(() => client.close());
    const shared = { options, subject, setUp, config, client, standIn, bundlePath, cwd, env, belongings };
    return { ...shared, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Reading the map of the sources is half of what making a Worker takes. */
function withoutSources({ code }: { readonly code: string }): string {
  const none = { version: 3, file: 'workflows.js', sources: [], mappings: '' };
  const map = Buffer.from(JSON.stringify(none)).toString('base64');
  const inlined = code.replace(INLINED_MAP, (_whole, head: string) => `${head}${map}`);
  return JSON.stringify({ code: inlined, sourceMap: 'deprecated: this is no longer in use\n' });
}

const INLINED_MAP = /(\/\/# sourceMappingURL=data:application\/json;charset=utf-8;base64,)[\w+/=]+/;

/** An API key or TLS of another server would not fit the one that is started; nothing here is to be encrypted. */
function testEnv({ env = process.env, address }: CrashTestOptions): Readonly<Record<string, string | undefined>> {
  const left = address === undefined ? /^(TEMPORAL_|HOLDFAST_ENCRYPTION_)/ : /^HOLDFAST_ENCRYPTION_/;
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !left.test(name)));
  return address === undefined ? { ...kept, TEMPORAL_CONFIG_FILE: devNull } : kept;
}

function workflowsOf(options: CrashTestOptions, config: LoadedConfig, cwd: string): string | undefined {
  return options.workflowsPath === undefined ? config.workflowsPath : path.resolve(cwd, options.workflowsPath);
}
