/**
 * DBOS: a step each, retried by its defaults where that is allowed; the key of its calls is made of the workflow's and
 * the step's id. A workflow that was lost is recovered at launch.
 * https://docs.dbos.dev/typescript/tutorials/step-tutorial
 */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { versionsOf } from '../versions.ts';

const STEPS = 5;

export async function open({ stateUrl, packages }, work) {
  const five = DBOS.registerWorkflow(
    async (job) => {
      for (let index = 1; index <= STEPS; index++)
        await DBOS.runStep(async () => await work.act(job, index, `${DBOS.workflowID}-${DBOS.stepID}`), {
          name: `act-${index}`,
          retriesAllowed: true,
        });
    },
    { name: 'five' },
  );
  DBOS.setConfig({ name: 'holdfast-peers', systemDatabaseUrl: stateUrl, logLevel: 'error' });
  await DBOS.launch();
  return { versions: versionsOf(packages, ['@dbos-inc/dbos-sdk']), ...dbosPeer(DBOS, five) };
}

/** The same with a datasource. */
export function dbosPeer(dbos, workflow) {
  /** Job → the workflow that goes on with it. */
  const forks = new Map();
  const idOf = (job) => forks.get(job) ?? job;
  return {
    start: async (job) => void (await dbos.startWorkflow(workflow, { workflowID: job })(job)),
    outcome: async (job) =>
      await dbos
        .retrieveWorkflow(idOf(job))
        .getResult()
        .then(
          () => ({ kind: 'completed' }),
          (error) => ({ kind: 'failed', why: error.message }),
        ),
    sees: async (job) => {
      const status = await dbos.getWorkflowStatus(idOf(job));
      const error = status?.error?.message ?? status?.error;
      return `status ${status?.status}${error === undefined ? '' : `; ${error}`}`;
    },
    goOn: async (job) => {
      const steps = (await dbos.listWorkflowSteps(job)) ?? [];
      const failed = steps.find(({ error }) => error !== null && error !== undefined);
      const fork = await dbos.forkWorkflow(job, failed?.functionID ?? steps.length);
      forks.set(job, fork.workflowID);
    },
    close: async () => await dbos.shutdown(),
  };
}
