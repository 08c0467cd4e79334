/**
 * Runs a step's code with its context, to its end.
 *
 * Invariant: nothing of an attempt is under way when the next one begins, but for calls that ignore their signal. What
 * the calls have to say goes before what the code made of it.
 */
import { HoldfastError, isFailure } from '../../model/failure.ts';
import { DEFAULT_STEP_TIMEOUT_MS } from '../../model/job/run-step.ts';
import type { StepContext } from '../../model/step/step-context.ts';
import { longTimer } from '../../effects/long-timer.ts';
import { faultPointAsync } from '../../store/fault-point.ts';
import { makeContext } from '../attempt/context/context.ts';
import { InDoubt } from '../attempt/in-doubt.ts';
import { MustVerify } from '../attempt/must-verify.ts';
import type { Stage } from '../attempt/stage.ts';
import { mayAct } from './obstacles.ts';
import { subStepRunner } from './sub-steps.ts';
import type { StepAttempt } from './step-run.ts';

/** @throws whatever the code throws; HoldfastError `step-timeout`; MustVerify; InDoubt */
export async function runCode(attempt: StepAttempt, code: (context: StepContext) => unknown): Promise<unknown> {
  const { workspace, host, caller, request, settings, claim, stage } = attempt;
  const { timeoutMs = DEFAULT_STEP_TIMEOUT_MS } = request;
  const limit = timeLimit(attempt, timeoutMs);
  const { signal } = limit;
  const context = makeContext({
    workspace,
    settings,
    claim,
    stage,
    caller,
    signal,
    env: host.env,
    secret: secretReader(attempt),
    mayAct: (ledger) => mayAct(attempt, ledger),
    subStep: subStepRunner(attempt, signal),
  });
  await faultPointAsync('user-code.before');
  let output: unknown;
  try {
    output = await untilOver(Promise.resolve(code(context)), stage, signal);
  } catch (error) {
    if (limit.isOver() && !caller.signal.aborted && !isFailure(error, 'processes-left'))
      throw new HoldfastError(
        'step-timeout',
        `Step ${request.stepId} did not end within ${timeoutMs} ms.`,
        {},
        { cause: error },
      );
    throw error;
  } finally {
    limit.end();
  }
  await faultPointAsync('user-code.after');
  return output;
}

interface TimeLimit {
  readonly signal: AbortSignal;
  readonly isOver: () => boolean;
  readonly end: () => void;
}

/** A sub-step without a limit of its own has that of the step around it. */
function timeLimit({ caller, within, request }: StepAttempt, timeoutMs: number): TimeLimit {
  if (within !== undefined && request.timeoutMs === undefined)
    return { signal: caller.signal, isOver: () => false, end: () => undefined };
  const limit = new AbortController();
  const timer = longTimer(timeoutMs, () => limit.abort());
  return {
    signal: AbortSignal.any([caller.signal, limit.signal]),
    isOver: () => limit.signal.aborted,
    end: () => timer.end(),
  };
}

/** Reads a secret that the job declares. @throws HoldfastError `undeclared-secret`, `missing-secret` */
export function secretReader({ workspace, host, request, settings }: StepAttempt): (name: string) => string {
  const reader = { settings, stepId: request.stepId, workerId: host.worker.id };
  return (name) => workspace.secrets.value(name, reader);
}

async function untilOver(code: Promise<unknown>, stage: Stage, signal: AbortSignal): Promise<unknown> {
  const end = await endOf(untilAborted(code, signal), stage);
  // Whatever cut the code off: no command of this attempt runs on beside the next one.
  await Promise.allSettled(stage.runningCommands);
  if (stage.runningCalls.size > 0 && !signal.aborted) await untilAborted(Promise.all(stage.runningCalls), signal);
  if (stage.running.size > 0 && !signal.aborted) await untilAborted(Promise.all(stage.running), signal);
  if (signal.aborted) throw 'error' in end ? end.error : signal.reason;
  const error = 'error' in end ? end.error : undefined;
  if (error instanceof MustVerify || isFailure(error, 'fenced')) throw error;
  if (stage.inDoubt.size > 0) throw new InDoubt([...stage.inDoubt.values()]);
  if (stage.mustEnd !== undefined) throw stage.mustEnd.error;
  if ('error' in end) throw end.error;
  const untaken = stage.unawaited.find(({ isTaken }) => !isTaken());
  if (untaken !== undefined) throw untaken.error;
  return end.output;
}

type CodeEnd = { readonly output: unknown } | { readonly error: unknown };

/** Marks the stage as over at once: what the code still runs finds it so. */
async function endOf(code: Promise<unknown>, stage: Stage): Promise<CodeEnd> {
  try {
    return { output: await code };
  } catch (error) {
    stage.thrown = error;
    return { error };
  } finally {
    stage.isOver = true;
  }
}

/** Code that ignores its signal does not hold the job up: what it stages is dropped with the attempt. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw signal.reason;
  return await new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
