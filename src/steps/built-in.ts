/** The built-in steps of every worker. They use the same context as anyone's: there is no second way. */
import { defined } from '../model/defined.ts';
import type { StepContract, StepImplementation } from '../model/step/step.ts';
import { command } from './command.ts';
import { dbQuery, dbSql, dbUpsert } from './databases.ts';
import { edit } from './edit.ts';
import { fileCopy, fileRemove, fileWrite } from './files.ts';
import { forEach } from './for-each.ts';
import { http } from './http.ts';
import { skip } from './skip.ts';
import { beginPlan, endPlan } from './sub-plan.ts';

export const BUILT_IN_IMPLEMENTATIONS: readonly StepImplementation[] = [
  registered(fileWrite),
  registered(fileCopy),
  registered(fileRemove),
  registered(dbSql),
  registered(dbUpsert),
  registered(dbQuery),
  registered(http),
  registered(command),
  registered(forEach),
  registered(skip),
  registered(edit),
  registered(beginPlan),
  registered(endPlan),
];

/** As a worker has it: what the code is given has been checked by its contract. */
function registered<C extends StepContract>({
  contract,
  version,
  run,
  compensate,
}: StepImplementation<C>): StepImplementation {
  return {
    contract,
    version,
    run: (context, input) => run(context, input as Parameters<typeof run>[1]),
    ...defined({ compensate: compensate as StepImplementation['compensate'] }),
  };
}
