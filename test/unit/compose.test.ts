/**
 * docker-compose.yml and the Dockerfile, checked by reading them: whatever they refer to exists and fits together.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import * as z from 'zod';
import { DEV_DYNAMIC_CONFIG, HOLDFAST_SEARCH_ATTRIBUTES } from '../../src/dev-server/arguments.ts';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

const CONDITIONS = ['service_healthy', 'service_completed_successfully', 'service_started'] as const;
// Strict: a misspelt key would be ignored by the parser here and refused by Compose.
const ServiceSchema = z.strictObject({
  image: z.string().optional(),
  build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition: z.enum(CONDITIONS) })).optional(),
  volumes: z.array(z.string()).optional(),
  ports: z.array(z.string()).optional(),
  healthcheck: z
    .strictObject({
      test: z.array(z.string()),
      interval: z.string(),
      timeout: z.string(),
      retries: z.int(),
      start_period: z.string().optional(),
    })
    .optional(),
  restart: z.string(),
  stop_grace_period: z.string().optional(),
});
const ComposeSchema = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), ServiceSchema),
  volumes: z.record(z.string(), z.null()),
});

const compose = ComposeSchema.parse(parse(read('docker-compose.yml')));
const services = Object.entries(compose.services);
const service = (name: string): z.infer<typeof ServiceSchema> => {
  const found = compose.services[name];
  assert.ok(found, `no service ${name}`);
  return found;
};

test('has a Temporal server with schema set-up, a UI, an application PostgreSQL and a worker', () => {
  assert.deepEqual(Object.keys(compose.services).toSorted(), [
    'app-db',
    'temporal',
    'temporal-db',
    'temporal-namespace',
    'temporal-schema',
    'temporal-ui',
    'worker',
  ]);
});

test('every image is pinned to a version, and server and its tools have the same', () => {
  for (const [name, { image, build }] of services) {
    assert.equal(image === undefined, build !== undefined, name);
    if (image !== undefined) assert.match(image, /:\d+\.\d+[\w.-]*$/, name);
  }
  const version = (name: string): string | undefined => service(name).image?.split(':')[1];
  assert.equal(version('temporal-schema'), version('temporal'));
  assert.equal(version('temporal-namespace'), version('temporal'));
});

test('every dependency exists, can meet its condition, and none waits for itself', () => {
  for (const [name, { depends_on }] of services) {
    for (const [needed, { condition }] of Object.entries(depends_on ?? {})) {
      const other = service(needed);
      if (condition === 'service_healthy')
        assert.ok(other.healthcheck, `${name} waits for ${needed} to be healthy, which has no check`);
      // A one-off service must not be restarted when it has ended.
      if (condition === 'service_completed_successfully') assert.match(other.restart, /^on-failure/, needed);
      else assert.equal(other.restart, 'unless-stopped', needed);
    }
    const reached = new Set<string>();
    const reach = (from: string): void => {
      for (const next of Object.keys(service(from).depends_on ?? {})) {
        assert.notEqual(next, name, `${name} waits for itself`);
        if (!reached.has(next)) {
          reached.add(next);
          reach(next);
        }
      }
    };
    reach(name);
  }
});

test('every mounted file exists and is mounted read-only, every named volume is declared and used', () => {
  const named = new Set<string>();
  for (const [name, { volumes }] of services) {
    for (const volume of volumes ?? []) {
      const [source = '', , mode] = volume.split(':');
      if (source.startsWith('.')) {
        assert.ok(existsSync(path.join(root, source)), `${name}: ${source} does not exist`);
        assert.equal(mode, 'ro', `${name}: ${source}`);
      } else named.add(source);
    }
  }
  assert.deepEqual([...named].toSorted(), Object.keys(compose.volumes).toSorted());
});

test('published ports are on 127.0.0.1, no two are the same, and a variable of its own changes each', () => {
  const published = services.flatMap(([, { ports }]) => ports ?? []);
  const parts = published.map((port) => /^127\.0\.0\.1:\$\{(HOLDFAST_[A-Z_]+_PORT):-(\d+)\}:\d+$/.exec(port));
  assert.ok(
    parts.every((part) => part !== null),
    published.join(),
  );
  for (const group of [1, 2]) assert.equal(new Set(parts.map((part) => part?.[group])).size, published.length);
});

test('services that talk to each other agree on host, port, user and password', () => {
  for (const name of ['temporal-namespace', 'temporal-ui', 'worker']) {
    const [host, port] = String(service(name).environment?.['TEMPORAL_ADDRESS']).split(':');
    assert.ok(
      service(String(host)).ports?.some((published) => published.endsWith(`:${port}`)),
      name,
    );
  }
  const database = service('temporal-db').environment;
  const schema = service('temporal-schema').environment;
  const server = service('temporal').environment;
  assert.deepEqual(
    [schema?.['SQL_HOST'], schema?.['SQL_USER'], schema?.['SQL_PASSWORD']],
    ['temporal-db', database?.['POSTGRES_USER'], database?.['POSTGRES_PASSWORD']],
  );
  assert.deepEqual(
    [server?.['POSTGRES_SEEDS'], server?.['POSTGRES_USER'], server?.['POSTGRES_PWD']],
    ['temporal-db', database?.['POSTGRES_USER'], database?.['POSTGRES_PASSWORD']],
  );
  const { POSTGRES_USER: user, POSTGRES_PASSWORD: password } = service('app-db').environment ?? {};
  assert.equal(
    service('worker').environment?.['APP_DATABASE_URL'],
    `postgres://${user}:${password}@app-db:5432/${user}`,
  );
});

test('a database counts as healthy when it can be reached from elsewhere, not while its cluster is being made', () => {
  for (const name of ['temporal-db', 'app-db'])
    assert.ok(service(name).healthcheck?.test.includes('--host=127.0.0.1'), name);
});

test('a password is never written down: each is a variable with a default for development', () => {
  for (const [name, { environment }] of services) {
    for (const [variable, value] of Object.entries(environment ?? {})) {
      if (/PASSWORD|PWD|SECRET|_KEY$/.test(variable))
        assert.match(String(value), /^\$\{[A-Z_]+:-[a-z]+\}$/, `${name}: ${variable}`);
    }
  }
});

test('the dynamic configuration is the one that the server reads, with the figures of the development server', () => {
  const DynamicSchema = z.record(z.string(), z.tuple([z.strictObject({ value: z.union([z.number(), z.boolean()]) })]));
  const mount = service('temporal').volumes?.find((volume) => volume.startsWith('./docker/dynamic-config.yaml:'));
  assert.equal(mount?.split(':')[1], service('temporal').environment?.['DYNAMIC_CONFIG_FILE_PATH']);
  const configured = DynamicSchema.parse(parse(read('docker/dynamic-config.yaml')));
  const values = Object.fromEntries(Object.entries(configured).map(([key, [{ value }]]) => [key, value]));
  assert.deepEqual(values, DEV_DYNAMIC_CONFIG);
});

test('each one-off service runs a mounted script, and the shell can read it', () => {
  for (const [name, { command, entrypoint, restart, volumes }] of services) {
    if (!restart.startsWith('on-failure')) continue;
    assert.deepEqual(entrypoint, ['/bin/sh'], name);
    const mount = volumes?.find((volume) => volume.split(':')[1] === command?.[0]);
    assert.ok(mount, `${name} runs ${command?.[0]}, which nothing mounts`);
    const checked = spawnSync('/bin/sh', ['-n', path.join(root, mount.split(':')[0] ?? '')], { encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
  }
});

test('the variables that a script insists on are set by its service', () => {
  for (const [name, { command, environment, restart }] of services) {
    if (!restart.startsWith('on-failure')) continue;
    const script = read(path.join('docker', path.basename(command?.[0] ?? '')));
    const needed = [...script.matchAll(/\$\{([A-Z_]+):\?\}/g)].map((match) => match[1] ?? '');
    assert.ok(needed.length > 0, name);
    for (const variable of needed) assert.ok(environment?.[variable] !== undefined, `${name}: ${variable}`);
  }
});

test('the namespace script makes every search attribute, with its type', () => {
  const made = [...read('docker/temporal-namespace.sh').matchAll(/^try search_attribute (\w+) (\w+)$/gm)].map(
    ([, name, type]) => [name, type],
  );
  assert.deepEqual(made, Object.entries(HOLDFAST_SEARCH_ATTRIBUTES));
});

test('the Dockerfile copies what exists, runs the package’s own command line, and not as root', () => {
  const { build, command } = service('worker');
  assert.ok(build);
  const dockerfile = read(path.join(build.context, build.dockerfile));
  const manifest = JSON.parse(read('package.json')) as {
    bin: { holdfast: string };
    engines: { node: string };
    scripts: Record<string, string>;
  };
  for (const [, sources = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
    for (const source of sources.split(' ')) assert.ok(existsSync(path.join(root, source)), `COPY ${source}`);
  }
  for (const [, script = ''] of dockerfile.matchAll(/npm run ([\w:]+)/g))
    assert.ok(manifest.scripts[script], `npm run ${script}`);
  const entrypoint = JSON.parse(/^ENTRYPOINT (.+)$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
  assert.equal(entrypoint.at(-1), path.posix.join('/holdfast', manifest.bin.holdfast));
  assert.deepEqual(command, JSON.parse(/^CMD (.+)$/m.exec(dockerfile)?.[1] ?? 'null'));
  assert.match(dockerfile, /^USER node$/m);
  const wanted = Number(/\d+/.exec(manifest.engines.node)?.[0]);
  const images = [...dockerfile.matchAll(/^FROM node:(\d+)\.\d+\.\d+-/gm)];
  assert.ok(images.length > 0 && images.every((image) => Number(image[1]) >= wanted));
});

test("the worker's health is what the image's own command line says of it, by options that it has", () => {
  const { healthcheck, build } = service('worker');
  assert.ok(build && healthcheck);
  const entrypoint = JSON.parse(
    /^ENTRYPOINT (.+)$/m.exec(read(path.join(build.context, build.dockerfile)))?.[1] ?? '[]',
  ) as string[];
  const [kind, ...line] = healthcheck.test;
  assert.equal(kind, 'CMD');
  // The health check's command is the entrypoint without tini.
  assert.deepEqual(line.slice(0, 2), entrypoint.slice(-2));
  const [command, ...options] = line.slice(2);
  const help = spawnSync(process.execPath, [path.join(root, 'src/cli.ts'), String(command), '--help'], {
    encoding: 'utf8',
  });
  assert.equal(help.status, 0, help.stderr);
  for (const option of options) assert.match(help.stdout, new RegExp(`^ +(-\\w, )?${option}\\b`, 'm'));
});

test('what the build context leaves out is never copied by the Dockerfile', () => {
  const ignored = read('.dockerignore').split('\n');
  for (const needed of ['node_modules', 'dist', '.git']) assert.ok(ignored.includes(needed), needed);
  for (const copied of [
    'package.json',
    'package-lock.json',
    '.npmrc',
    'src',
    'scripts',
    'tsconfig.json',
    'tsconfig.build.json',
  ])
    assert.ok(!ignored.includes(copied), copied);
});
