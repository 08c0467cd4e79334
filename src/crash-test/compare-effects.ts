/** How often each effect was made that can be seen from outside: requests, and what a step did past `ctx`. Pure. */
import { isSafeMethod } from '../model/step/http-request.ts';
import type { Trace } from './child/order.ts';
import { timesText, type Difference } from './difference.ts';
import type { Run } from './ran.ts';

type Of<Kind extends Trace['kind']> = Extract<Trace, { kind: Kind }>;

export function compareEffects(undisturbed: Run, run: Run): readonly Difference[] {
  return [...outsideEffects(undisturbed, run), ...requests(undisturbed, run), ...unsteady(run)];
}

/** Repeated file writes of the same content count once. */
function outsideEffects(undisturbed: Run, run: Run): readonly Difference[] {
  const [before, after] = [outsideOf(undisturbed), outsideOf(run)];
  return [...after].flatMap(([key, found]): Difference[] => {
    const expected = before.get(key)?.length ?? 0;
    const last = found.at(-1)!;
    if (found.length <= expected) return [];
    const way = last.did === 'sql' ? 'ctx.db' : WAYS[last.did];
    return [
      {
        kind: 'effect',
        step: last.step,
        what: `${last.did} ${run.rename(last.target)}`,
        times: { expected, found: found.length },
        expected: timesText(expected),
        found: timesText(found.length),
        ...(last.at === '' ? {} : { at: last.at }),
        advice: `What is done past ctx is not guarded: a retry does it again. Use ${way ?? 'ctx.files'}.`,
      },
    ];
  });
}

const WAYS: Readonly<Record<string, string>> = Object.fromEntries(
  ['spawn', 'exec', 'execFile', 'fork', 'spawnSync', 'execSync', 'execFileSync'].map((name) => [name, 'ctx.command']),
);

function outsideOf({ traces, rename }: Run): ReadonlyMap<string, readonly Of<'outside'>[]> {
  const effects = new Map<string, Of<'outside'>[]>();
  const seen = new Set<string>();
  for (const trace of traces) {
    if (trace.kind !== 'outside') continue;
    const { step, did, at, target, content } = trace;
    const key = JSON.stringify([step, did, at === '' ? rename(target) : at]);
    const same = JSON.stringify([key, rename(target), content]);
    if (content !== undefined && seen.has(same)) continue;
    seen.add(same);
    effects.set(key, [...(effects.get(key) ?? []), trace]);
  }
  return effects;
}

/** As they arrived. Of those with one idempotency key the service takes one; a read changes nothing. */
function requests(undisturbed: Run, run: Run): readonly Difference[] {
  const [before, after] = [requestsOf(undisturbed), requestsOf(run)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key): Difference[] => {
    const [expected, found] = [before.get(key) ?? 0, after.get(key) ?? 0];
    if (expected === found) return [];
    const [step, method, url] = JSON.parse(key) as [string, string, string];
    const made = [...run.traces, ...undisturbed.traces].find(
      (trace): trace is Of<'request'> => trace.kind === 'request' && trace.step === step && trace.method === method,
    );
    const isGuarded = made?.isGuarded ?? false;
    return [
      {
        kind: 'request',
        step,
        what: `${method} ${url}`,
        times: { expected, found },
        expected: timesText(expected),
        found: timesText(found),
        ...(made === undefined || made.at === '' ? {} : { at: made.at }),
        advice: isGuarded ? GUARDED : 'A fetch past ctx is made again by a retry. Use ctx.http, or ctx.perform.',
      },
    ];
  });
}

const GUARDED =
  'The call says of a request whose answer was lost that it may be made again, or that it was not made. Let what its ' +
  "function throws through, send the call's key as Idempotency-Key, or leave inDoubt at 'ask'.";

function requestsOf({ arrived, rename }: Run): ReadonlyMap<string, number> {
  const keys = new Map<string, Set<string>>();
  arrived.forEach(({ step, method, url, key }, index) => {
    if (isSafeMethod(method)) return;
    const name = JSON.stringify([step, method, rename(url)]);
    keys.set(name, (keys.get(name) ?? new Set()).add(key ?? `${index}`));
  });
  return new Map([...keys].map(([name, distinct]) => [name, distinct.size]));
}

/** An attempt that was cut off staged what the one that went through did not. */
function unsteady({ traces, rename }: Run): readonly Difference[] {
  const attempts = new Map<string, Map<string, Of<'staged'>[]>>();
  for (const trace of traces) {
    if (trace.kind !== 'code' && trace.kind !== 'staged') continue;
    const ofStep = attempts.get(trace.step) ?? new Map<string, Of<'staged'>[]>();
    attempts.set(trace.step, ofStep);
    const staged = ofStep.get(trace.run) ?? [];
    ofStep.set(trace.run, trace.kind === 'staged' ? [...staged, trace] : staged);
  }
  return [...attempts].flatMap(([step, runs]): Difference[] => {
    const lists = [...runs.values()];
    const last = lists.at(-1) ?? [];
    const other = lists
      .slice(0, -1)
      .flat()
      .find(({ target }) => !last.some((staged) => staged.target === target));
    if (other === undefined || last.length === 0) return [];
    const instead = last.find(({ at }) => at === other.at) ?? last[0]!;
    return [
      {
        kind: 'unsteady',
        step,
        what: `${other.target.split(':')[0]} named anew by each attempt`,
        expected: rename(other.target),
        found: rename(instead.target),
        ...(other.at === '' ? {} : { at: other.at }),
        advice: 'A clock or chance is in its name. Take that from ctx.once, which stays the same on a retry.',
      },
    ];
  });
}
