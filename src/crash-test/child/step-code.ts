/** The user's steps, as they run in a crash test: what their code stages is written down, attempt by attempt. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { StepContext } from '../../model/step/step-context.ts';
import type { StepImplementation } from '../../model/step/step.ts';
import { callerOf } from './place.ts';
import type { Points } from './points.ts';

export interface RunningCode {
  readonly step: string;
  readonly run: string;
  /** Within the function of a `ctx.perform` or `ctx.once`. */
  readonly isGuarded: boolean;
}

export class StepCode {
  readonly points: Points;
  readonly cwd: string;
  readonly #running = new AsyncLocalStorage<RunningCode>();

  constructor(points: Points, cwd: string) {
    this.points = points;
    this.cwd = cwd;
  }

  /** The code that is running here; undefined: none of a step. */
  get running(): RunningCode | undefined {
    return this.#running.getStore();
  }

  watched(step: StepImplementation): StepImplementation {
    return {
      ...step,
      run: (context, input) => {
        const running: RunningCode = { step: context.stepId, run: randomUUID().slice(0, 8), isGuarded: false };
        const { step: id, run } = running;
        this.points.trace({ kind: 'code', step: id, use: step.contract.name, run });
        return this.#running.run(running, () => step.run(this.#context(context, running), input));
      },
    };
  }

  #context(context: StepContext, running: RunningCode): StepContext {
    const guarded = <A extends readonly unknown[], R>(fn: (...given: A) => R): ((...given: A) => R) => {
      return (...given) => this.#running.run({ ...running, isGuarded: true }, () => fn(...given));
    };
    const watched: StepContext = {
      ...context,
      files: this.#noting(context.files, running, FILE_CHANGES),
      db: (name) => this.#noting(context.db(name), running, rowChanges(name)),
      once: (name, fn) => context.once(name, guarded(fn)),
      perform: (name, options) => context.perform(name, { ...options, run: guarded((call) => options.run(call)) }),
    };
    return watched;
  }

  #noting<T extends object>(methods: T, { step, run }: RunningCode, targetOf: TargetOf): T {
    return new Proxy(methods, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        const call = (...given: unknown[]): unknown => {
          const changed = targetOf(String(name), given);
          const at = changed === undefined ? '' : (callerOf(call, this.cwd)?.at ?? '');
          if (changed !== undefined) this.points.trace({ kind: 'staged', step, run, target: changed, at });
          return Reflect.apply(member, undefined, given);
        };
        return call;
      },
    });
  }
}

type TargetOf = (method: string, given: readonly unknown[]) => string | undefined;

const FILE_CHANGES: TargetOf = (method, [path]) =>
  method === 'write' || method === 'remove' ? `file:${String(path)}` : undefined;

function rowChanges(database: string): TargetOf {
  return (method, [table]) =>
    ['insert', 'upsert', 'update', 'delete'].includes(method) ? `table:${database}/${String(table)}` : undefined;
}
