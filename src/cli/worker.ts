/** `holdfast worker`: runs steps until it is told to stop. */
import { CONNECTION_OPTIONS, EXIT, type CommandSpec } from './command.ts';
import { DEPLOYMENT_OPTIONS, type DeploymentText } from './deployment-options.ts';
import { whileSlow } from './terminal.ts';
import { makeWorker, WORKER_OPTIONS, type WorkerChoice } from './worker-options.ts';
import { defined } from '../model/defined.ts';

export const workerCommand: CommandSpec<WorkerChoice> = {
  name: 'worker',
  description:
    'A second Ctrl-C ends it at once; what it was doing then goes on in the next worker, ' +
    'after the world has been compared.',
  options: [...WORKER_OPTIONS, ...DEPLOYMENT_OPTIONS, ...CONNECTION_OPTIONS],
  examples: [
    ['holdfast worker', ''],
    ['holdfast worker --steps src/steps.ts --workspace-root /var/jobs', ''],
    ['holdfast worker --deployment-name reports --build-id "$(git rev-parse --short HEAD)"', 'with Worker Versioning'],
  ],
  async run(context) {
    const { terminal, options } = context;
    const { addressOf } = await import('../client.ts');
    const namespaceGiven = options.namespace ?? (await context.config()).namespace;
    const env = options.profile === undefined ? terminal.env : { ...terminal.env, TEMPORAL_PROFILE: options.profile };
    const server = addressOf({
      env,
      ...defined({ address: options.address, namespace: namespaceGiven }),
    });
    // Keys that can't be used are told before anything is connected.
    context.encryptionKeys();
    const interrupt = terminal.onInterrupt();
    const { worker, workspaceRoot, stepsText, encryptionText, graceText, deployment } = await whileSlow(
      terminal,
      `Starting a worker for ${server.address}`,
      makeWorker(context, { ...server, env }),
    );
    const data = {
      address: server.address,
      namespace: server.namespace,
      taskQueue: worker.taskQueue,
      workspaceRoot,
      encryptionKeyIds: worker.encryptionKeyIds,
      ...defined({ version: deployment?.version }),
      warnings: worker.warnings,
    };
    if (options.json === true) terminal.out(`${JSON.stringify(data, null, 2)}\n`);
    else
      terminal.out(
        `Worker on Task Queue ${terminal.style('bold', worker.taskQueue)} of ${server.address}, ` +
          `namespace ${server.namespace}: ${stepsText}; workspaces in ${workspaceRoot}${encryptionText}. ` +
          'Ctrl-C ends it.\n' +
          versionText(deployment),
      );
    if (interrupt.aborted) worker.shutdown();
    interrupt.addEventListener('abort', () => {
      terminal.err(`Ending: running steps get ${graceText}. Ctrl-C again ends at once.\n`);
      worker.shutdown();
    });
    await worker.run();
    return { code: EXIT.ok, data: undefined, text: '' };
  },
};

function versionText(deployment: DeploymentText | undefined): string {
  if (deployment === undefined) return '';
  const { version, next } = deployment;
  return `It is version ${version}, and gets jobs once that is current or ramping:\n  ${next}\n`;
}
