/** What the worker processes of a run have written down. */
import { existsSync, readFileSync } from 'node:fs';
import type { Kill } from './cases.ts';
import type { Trace } from './child/order.ts';

/** Empty: none has written anything yet. */
export function textOfTraces(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** In the order in which they were written. */
export function tracesIn(file: string): readonly Trace[] {
  return textOfTraces(file)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Trace);
}

/** Has a process ended, or stopped, at this point? */
export function isMet({ step, point, hit }: Kill, traces: readonly Trace[]): boolean {
  return traces.some(
    (trace) => trace.kind === 'fault' && trace.step === step && trace.point === point && trace.hit === hit,
  );
}
