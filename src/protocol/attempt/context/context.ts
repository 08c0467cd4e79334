/** The context that a step's code is given: it reads what the record vouches for, and stages every change. */
import { canonicalJson, type JsonObject } from '../../../model/canonical-json.ts';
import { defined } from '../../../model/defined.ts';
import type { StepContract } from '../../../model/step/contract.ts';
import type { StepContext } from '../../../model/step/step-context.ts';
import type { RunSubStep } from '../../../model/step/sub-step.ts';
import type { Attempt } from '../attempt.ts';
import { http } from '../calls/http.ts';
import { perform } from '../calls/perform.ts';
import { command } from '../commands/command.ts';
import { once } from './once.ts';
import { stepDatabase } from './step-database.ts';
import { stepFiles } from './step-files.ts';
import { watched, watchedMethods } from './watched.ts';

const MAX_LOGS = 200;
const MAX_LOG_CHARACTERS = 2_000;

/** Its members may be used by themselves: none of them needs `this`. */
export function makeContext(attempt: Attempt): StepContext {
  const { claim, caller, signal, secret } = attempt;
  const { jobId, stepId, generation, token, rejection } = claim.row;
  const { secrets } = attempt.workspace;
  return {
    jobId,
    stepId,
    generation,
    token,
    files: watchedMethods(attempt, 'ctx.files', stepFiles(attempt)),
    db: (name) => watchedMethods(attempt, `ctx.db('${name}')`, stepDatabase(attempt, name)),
    step: watchedSubStep(attempt),
    once: (name, fn) => watched(attempt, `ctx.once('${name}')`, once(attempt, name, fn)),
    perform: (name, options) => perform(attempt, name, options),
    command: (run, options) => watched(attempt, 'ctx.command', command(attempt, run, options)),
    http: (name, options) => http(attempt, name, options),
    secret,
    log: (message, fields) => log(attempt, message, fields),
    progress: (message, fraction) => caller.progress(secrets.redact(message), fraction),
    signal,
    ...(rejection === null ? {} : { rejection: { reason: rejection.reason, by: rejection.by } }),
  };
}

function watchedSubStep(attempt: Attempt): RunSubStep<StepContext> {
  return ((nameOrContract: string | StepContract, ...given: readonly unknown[]) => {
    const name = typeof nameOrContract === 'string' ? nameOrContract : nameOrContract.name;
    const run = attempt.subStep as (first: string | StepContract, ...others: readonly unknown[]) => Promise<unknown>;
    return watched(attempt, `ctx.step('${name}')`, run(nameOrContract, ...given));
  }) as RunSubStep<StepContext>;
}

/** The record takes a bounded number of lines; the worker's log takes all. @throws HoldfastError `not-json` */
function log({ workspace: { secrets }, claim, stage, caller }: Attempt, text: string, given?: JsonObject): void {
  if (given !== undefined) canonicalJson(given, 'fields');
  const message = secrets.redact(text);
  const fields = secrets.redactJson(given);
  if (stage.logs.length < MAX_LOGS) stage.logs.push(defined({ message: message.slice(0, MAX_LOG_CHARACTERS), fields }));
  caller.log(message, { ...fields, stepId: claim.row.stepId });
}
