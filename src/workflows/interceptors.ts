/**
 * Interceptors of every Workflow of a bundle in which guarded jobs run. Nothing imports this module but to name it: by
 * its mark a bundle is known that has it among its interceptors.
 */
import type { WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { noteLoaded } from '../model/bundle-parts.ts';
import { withoutCarried } from './carried-argument.ts';

export const INTERCEPTORS_MARK = noteLoaded('interceptors', 'holdfast:interceptors-are-here');

/** The name that Temporal's SDK looks for. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [{ execute: (input, next) => next({ ...input, args: [...withoutCarried(input.args)] }) }],
});
