import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { findTemporal } from '../../src/dev-server/find.ts';
import type { TemporalExecutable } from '../../src/dev-server/found.ts';
import { startDevServer } from '../../src/dev-server/start.ts';
import { isFailure } from '../../src/model/failure.ts';
import { startPostgres, testPostgres } from '../support/postgres.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilTrue } from '../support/until.ts';

const temporal = await testTemporal();
const postgres = await testPostgres();

let executable: TemporalExecutable;
let folder: string;

before(async () => {
  const found = await findTemporal({ address: false });
  assert.ok(found.kind === 'executable');
  executable = found;
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'holdfast-dev-server-'));
});

after(async () => fs.rm(folder, { recursive: true, force: true }));

/** An environment in which nothing can be found but what a test puts there. */
function bareEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { PATH: '', XDG_CACHE_HOME: path.join(folder, 'empty-cache'), ...extra };
}

async function folderWithTemporal(...parts: string[]): Promise<string> {
  const made = path.join(folder, ...parts);
  await fs.mkdir(made, { recursive: true });
  await fs.symlink(executable.path, path.join(made, 'temporal'));
  return made;
}

async function isAlive(pid: number): Promise<boolean> {
  // A zombie has ended but still has its entry in /proc.
  const stat = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}

async function groupMembers(group: number): Promise<number[]> {
  const members: number[] = [];
  for (const entry of await fs.readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await fs.readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state !== 'Z' && Number(processGroup) === group) members.push(Number(entry));
  }
  return members;
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

test('an address given is taken before everything else, and the option before the variable', async () => {
  const env = bareEnvironment({ TEMPORAL_ADDRESS: 'by-variable:1', HOLDFAST_TEMPORAL_BIN: executable.path });
  assert.deepEqual(await findTemporal({ env, address: 'by-option:2' }), {
    kind: 'address',
    address: 'by-option:2',
    from: 'option',
  });
  assert.deepEqual(await findTemporal({ env }), {
    kind: 'address',
    address: 'by-variable:1',
    from: 'TEMPORAL_ADDRESS',
  });
});

test('a program given comes before PATH, PATH before the cache, and what was taken is said', async () => {
  const onPath = await folderWithTemporal('bin');
  const cache = path.join(folder, 'cache');
  await folderWithTemporal('cache', 'holdfast', 'temporal', 'cli-1.5.1');
  const said: string[] = [];
  const find = async (env: NodeJS.ProcessEnv): Promise<string> => {
    const found = await findTemporal({ env, address: false, onProgress: (line) => said.push(line) });
    return found.from;
  };
  assert.equal(
    await find({ HOLDFAST_TEMPORAL_BIN: executable.path, PATH: onPath, XDG_CACHE_HOME: cache }),
    'HOLDFAST_TEMPORAL_BIN',
  );
  assert.equal(await find({ PATH: onPath, XDG_CACHE_HOME: cache }), 'PATH');
  assert.equal(await find({ PATH: '', XDG_CACHE_HOME: cache }), 'cache');
  assert.deepEqual(said, [
    `Temporal server: ${executable.path} (from HOLDFAST_TEMPORAL_BIN)`,
    `Temporal server: ${path.join(onPath, 'temporal')} (from PATH)`,
    `Temporal server: ${path.join(cache, 'holdfast/temporal/cli-1.5.1/temporal')} (from cache)`,
  ]);
});

test('a program given that cannot be run is an error, never replaced by another', async () => {
  const onPath = await folderWithTemporal('bin-beside-a-wrong-one');
  const env = bareEnvironment({ PATH: onPath, HOLDFAST_TEMPORAL_BIN: '/nonexistent/temporal' });
  await assert.rejects(
    findTemporal({ env, address: false }),
    (error) =>
      isFailure(error, 'server-unreachable') &&
      /HOLDFAST_TEMPORAL_BIN names, \/nonexistent\/temporal/.test(error.message),
  );
});

test('a started server answers, knows the search attributes, serves its UI, and is gone after stop', async () => {
  const server = await startDevServer({ executable: executable.path, searchAttributes: { Extra: 'Keyword' } });
  try {
    const connection = await Connection.connect({ address: server.address });
    const client = new Client({ connection });
    await client.workflow.start('any', {
      taskQueue: 'nobody',
      workflowId: 'w',
      searchAttributes: { HoldfastState: ['running'], HoldfastDiscrepancies: [0], Extra: ['x'] },
    });
    await connection.close();
    assert.equal((await fetch(String(server.uiUrl))).status, 200);
  } finally {
    await server.stop();
  }
  await server.stop();
  // Its children are told to end with it, and may need a moment on a busy machine.
  await untilTrue(async () => (await groupMembers(server.pid)).length === 0, {
    what: 'the server and what it started are gone',
  });
});

test('a port that another program has is reported, never that program taken for ours', async () => {
  const port = Number(temporal.address.split(':')[1]);
  await assert.rejects(
    startDevServer({ executable: executable.path, ui: false, ports: { grpc: port } }),
    (error) => isFailure(error, 'server-unreachable') && error.details['portTaken'] === true,
  );
  await assert.rejects(startDevServer({ executable: executable.path, ports: { ui: port } }), {
    message:
      `Port ${port} of 127.0.0.1, for the UI, is taken by another program. ` +
      'Choose another port, or end that program.',
  });
});

test('a server with a database file keeps what it knows over a restart', async () => {
  const dbFilename = path.join(folder, 'temporal.db');
  for (const expected of [0, 1]) {
    const server = await startDevServer({ executable: executable.path, ui: false, dbFilename });
    try {
      const connection = await Connection.connect({ address: server.address });
      const client = new Client({ connection });
      const known = await client.workflow
        .getHandle('kept')
        .describe()
        .then(
          () => 1,
          () => 0,
        );
      assert.equal(known, expected);
      if (expected === 0) await client.workflow.start('any', { taskQueue: 'nobody', workflowId: 'kept' });
      await connection.close();
    } finally {
      await server.stop();
    }
  }
});

test('servers end with the process that started them, also by SIGKILL, and leave no folder behind', async () => {
  const script = `
    import { startDevServer } from './src/dev-server/start.ts';
    import { startPostgres } from './test/support/postgres.ts';
    const options = { executable: ${JSON.stringify(executable.path)}, ui: false };
    const [server, cluster] = await Promise.all([startDevServer(options), startPostgres()]);
    process.stdout.write(JSON.stringify({ group: server.pid, dataDirectory: cluster.dataDirectory }) + '\\n');
    setInterval(() => undefined, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: path.join(import.meta.dirname, '../..'),
  });
  const [line] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string];
  const { group, dataDirectory } = JSON.parse(line) as { group: number; dataDirectory: string };
  const postmaster = Number((await fs.readFile(path.join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  assert.ok((await groupMembers(group)).length >= 2);
  assert.ok(await isAlive(postmaster));
  parent.kill('SIGKILL');
  await untilTrue(async () => (await groupMembers(group)).length === 0, { what: 'the Temporal server ends' });
  await untilTrue(async () => !(await isAlive(postmaster)), { what: 'PostgreSQL ends' });
  await untilTrue(
    async () =>
      fs.access(path.dirname(dataDirectory)).then(
        () => false,
        () => true,
      ),
    { what: 'the folder is removed' },
  );
});

test('a PostgreSQL cluster can be away for a while and keeps its data', async () => {
  const cluster = await startPostgres();
  const ask = async (text: string): Promise<unknown[]> => query(cluster.url, text);
  try {
    await ask('CREATE TABLE kept AS SELECT 1 AS n');
    await cluster.pause();
    await assert.rejects(ask('SELECT 1'), { code: 'ECONNREFUSED' });
    await cluster.resume();
    assert.deepEqual(await ask('SELECT n FROM kept'), [{ n: 1 }]);
  } finally {
    await cluster.stop();
  }
});

test('each test database is empty and separate, or a copy of the one named', async () => {
  const [first, second] = [await postgres.database(), await postgres.database()];
  await query(first, 'CREATE TABLE t AS SELECT 7 AS n');
  assert.deepEqual(await query(second, "SELECT to_regclass('t') AS t"), [{ t: null }]);
  assert.deepEqual(await query(await postgres.database(first), 'SELECT n FROM t'), [{ n: 7 }]);
});

test("the file's namespace lists jobs by Holdfast's search attributes", async () => {
  const workflowId = temporal.unique('listed');
  await temporal.client.workflow.start('any', {
    taskQueue: temporal.unique('queue'),
    workflowId,
    searchAttributes: { HoldfastState: ['waiting'] },
  });
  await untilTrue(
    async () => {
      for await (const execution of temporal.client.workflow.list({ query: "HoldfastState = 'waiting'" }))
        return execution.workflowId === workflowId;
      return false;
    },
    { what: 'the job is listed' },
  );
  assert.equal(
    (await temporal.client.workflowService.describeNamespace({ namespace: temporal.namespace })).namespaceInfo?.name,
    temporal.namespace,
  );
});

test('the script of docker-compose.yml makes the namespace with its search attributes, and may run again', async () => {
  const bin = await folderWithTemporal('bin-for-compose');
  const namespace = temporal.unique('compose');
  const script = path.join(import.meta.dirname, '../../docker/temporal-namespace.sh');
  for (let round = 0; round < 2; round++) {
    const child = spawn('/bin/sh', [script], {
      env: {
        PATH: `${bin}:/usr/bin:/bin`,
        HOME: folder,
        TEMPORAL_ADDRESS: temporal.address,
        TEMPORAL_NAMESPACE: namespace,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let printed = '';
    child.stderr.on('data', (chunk) => (printed += String(chunk)));
    assert.deepEqual(await once(child, 'close'), [0, null], printed);
  }
  const { customAttributes } = await temporal.connection.operatorService.listSearchAttributes({ namespace });
  assert.deepEqual(Object.keys(customAttributes).toSorted(), ['HoldfastDiscrepancies', 'HoldfastState']);
});
