/**
 * What is checked of the Compose file, in order. Each check builds upon those before it; the last ones take everything
 * down and look for what is left.
 */
import assert from 'node:assert/strict';
import {
  assertOnce,
  containerOf,
  database,
  startJob,
  statusOf,
  untilBegun,
  untilCompleted,
  untilWaiting,
} from './jobs.ts';
import type { Project } from './project.ts';
import { say } from './programs.ts';

export interface Check {
  readonly name: string;
  readonly run: (project: Project) => Promise<void>;
}

const BUILD_LIMIT_MS = 20 * 60_000;
const DOWN_LIMIT_MS = 120_000;
const RESTART_LIMIT_MS = 60_000;
/** Long enough to be killed in, short enough to be waited for. */
const COMMAND_SECONDS = 6;
/** Long enough for another job to be started and cancelled meanwhile. */
const SHARED_COMMAND_SECONDS = 25;

export const CHECKS: readonly Check[] = [
  {
    name: 'the worker’s image is built by the Dockerfile',
    run: async (project) => {
      await project.compose(['build'], { limitMs: BUILD_LIMIT_MS, doing: 'docker compose build' });
      say(`    the image has ${Math.round((await project.imageBytes()) / 1e6)} MB`);
    },
  },
  {
    name: 'up brings every service up, and all become healthy',
    run: async (project) => up(project, 1),
  },
  {
    name: 'the published ports answer: the pages of the UI, the server, the database of the jobs',
    run: async (project) => {
      const page = await fetch(`http://127.0.0.1:${project.ports.ui}/`, { redirect: 'follow' });
      assert.equal(page.status, 200);
      assert.match(await page.text(), /<html/i);
      const namespaces = await fetch(`http://127.0.0.1:${project.ports.ui}/api/v1/namespaces/default`);
      assert.equal(namespaces.status, 200, 'the UI reaches the server');
      const { code, stdout, stderr } = await project.holdfast(['doctor']);
      assert.equal(code, 0, stdout + stderr);
      await database(project, async (client) =>
        client.query('create table effect (id bigserial primary key, job text not null, step text not null)'),
      );
    },
  },
  {
    name: 'a job started through the published port goes on when its container is killed in mid step: each effect once',
    run: async (project) => {
      await startJob(project, { id: 'killed', commandSeconds: COMMAND_SECONDS });
      const [host = ''] = await untilBegun(project, 'killed', 1);
      const container = await containerOf(project, host);
      await project.docker(['kill', '--signal', 'KILL', container]);
      // Docker takes a kill of this kind for a person's wish, and leaves the container ended.
      await up(project, 1);
      await untilBegun(project, 'killed', 2);
      await untilCompleted(project, 'killed');
      await assertOnce(project, 'killed', await anyWorker(project));
    },
  },
  {
    name: 'a worker that crashes in mid step is started again by Docker alone, and its job goes on: each effect once',
    run: async (project) => {
      await startJob(project, { id: 'crashed', commandSeconds: COMMAND_SECONDS });
      const [host = ''] = await untilBegun(project, 'crashed', 1);
      const container = await containerOf(project, host);
      const before = await restarts(project, container);
      // Its own shell ends with the container, so its exit code says nothing.
      await project.docker(['exec', '--user', 'root', container, 'sh', '-c', KILL_NODE]).catch(() => undefined);
      await untilBegun(project, 'crashed', 2);
      await project.untilRunning(container, { limitMs: RESTART_LIMIT_MS });
      assert.equal(await restarts(project, container), before + 1, 'Docker has started it again, once');
      await untilCompleted(project, 'crashed');
      await assertOnce(project, 'crashed', container);
    },
  },
  {
    name: 'two workers share the volume: each job has its workspace alone, whichever worker runs it',
    run: async (project) => {
      await up(project, 2);
      const jobs = ['shared-1', 'shared-2', 'shared-3', 'shared-4'];
      await Promise.all(jobs.map(async (id) => startJob(project, { id, commandSeconds: SHARED_COMMAND_SECONDS })));
      await untilBegun(project, 'shared-1', 1);
      await startJob(project, { id: 'intruder', folder: 'shared-1', commandSeconds: 0 });
      await untilWaiting(project, 'intruder', 'bound-to-another-job');
      // Before the other one ends: it looks again by itself, and would then go on.
      const { code, stdout, stderr } = await project.holdfast(['cancel', 'intruder']);
      assert.equal(code, 0, stderr + stdout);
      await Promise.all(jobs.map(async (id) => untilCompleted(project, id)));
      const began = await Promise.all(jobs.map(async (id) => untilBegun(project, id, 1)));
      for (const [index, id] of jobs.entries()) {
        assert.equal(began[index]?.length, 1, `${id} began its command once`);
        await assertOnce(project, id, await anyWorker(project));
      }
      say(`    the commands of ${jobs.length} jobs ran in ${new Set(began.flat()).size} containers`);
    },
  },
  {
    name: 'of two workers one is killed in mid step: the other takes the step over, each effect once',
    run: async (project) => {
      await startJob(project, { id: 'taken-over', commandSeconds: COMMAND_SECONDS });
      const [first = ''] = await untilBegun(project, 'taken-over', 1);
      const container = await containerOf(project, first);
      await project.docker(['kill', '--signal', 'KILL', container]);
      const [, second = ''] = await untilBegun(project, 'taken-over', 2);
      assert.notEqual(second, first);
      await untilCompleted(project, 'taken-over');
      await assertOnce(project, 'taken-over', await containerOf(project, second));
    },
  },
  {
    name: 'down keeps the volumes: up again, status and diff tell of the jobs that ended before',
    run: async (project) => {
      await project.compose(['down'], { limitMs: DOWN_LIMIT_MS, doing: 'docker compose down' });
      const left = await project.left();
      assert.deepEqual(
        left.map((one) => one.split(' ')[0]),
        ['volume', 'volume', 'volume'],
      );
      await up(project, 1);
      const worker = await anyWorker(project);
      for (const job of ['killed', 'crashed', 'taken-over']) {
        assert.equal((await statusOf(project, job)).state, 'completed');
        await assertOnce(project, job, worker);
        // The rows are told as the statements that wrote them.
        const changed = await project.inWorker(worker, ['diff', `/workspaces/${job}`]);
        for (const name of ['note.txt', 'slow.txt', 'copy.txt', 'effect']) assert.match(changed, new RegExp(name));
      }
      await startJob(project, { id: 'afterwards', commandSeconds: 0 });
      await untilCompleted(project, 'afterwards');
      await assertOnce(project, 'afterwards', worker);
    },
  },
  {
    name: 'down with volumes leaves no container, network or volume of the project',
    run: async (project) => {
      await takeDown(project);
      assert.deepEqual(await project.left(), []);
    },
  },
];

/** Also when a check has failed. */
export async function takeDown(project: Project): Promise<void> {
  await project.compose(['down', '--volumes', '--remove-orphans', '--rmi', 'local'], {
    limitMs: DOWN_LIMIT_MS,
    doing: 'docker compose down --volumes',
  });
}

async function up(project: Project, workers: number): Promise<void> {
  const args = ['up', '--detach', '--no-build', '--scale', `worker=${workers}`];
  await project.compose(args, { limitMs: BUILD_LIMIT_MS, doing: 'docker compose up' });
  await project.untilHealthy(workers);
}

async function anyWorker(project: Project): Promise<string> {
  const running = (await project.containers('worker')).find(({ State }) => State === 'running');
  assert.ok(running, 'a worker runs');
  return running.Name;
}

/** How often Docker has started it again by itself. */
async function restarts(project: Project, container: string): Promise<number> {
  return Number(await project.docker(['inspect', '--format', '{{.RestartCount}}', container]));
}

/** A slim image has neither `ps` nor `pkill`. Process 1 is tini, which ends with what it started. */
const KILL_NODE = `for p in /proc/[0-9]*; do
  [ "$(tr '\\0' ' ' < "$p/cmdline" | cut -d' ' -f1-2)" = 'node /holdfast/dist/cli.js' ] && kill -KILL "\${p#/proc/}"
done; true`;
