/**
 * Does a bundle that was made ahead of time hold what a Worker with Holdfast needs? Its code tells by the marks of the
 * parts.
 */
import { ENCODED_FAILURES } from '../codec/failure-converter.ts';
import type { EncryptionKeys } from '../codec/keys.ts';
import { UNREADABLE_ENCODING } from '../codec/payload-converter.ts';
import { missingParts, NEEDED_BY_JOBS, type BundlePart } from '../model/bundle-parts.ts';
import { HoldfastError } from '../model/failure.ts';
import { AGENT_JOB_MARK } from '../workflows/agent-job-mark.ts';
import { CARRIED_FIELD } from '../model/job/own-arguments.ts';
import { INTERCEPTORS_MARK } from '../workflows/interceptors.ts';

const MARKS: Readonly<Record<BundlePart, string>> = {
  interceptors: INTERCEPTORS_MARK,
  payloadConverter: UNREADABLE_ENCODING,
  agentJob: AGENT_JOB_MARK,
};

export interface FittingChoice {
  readonly keys: EncryptionKeys;
  readonly hasAgentJob: boolean;
}

/** @throws HoldfastError `bad-input`: guarded jobs would go wrong in it, or failures be sent in the clear */
export function assertBundleFits({ code }: { readonly code: string }, { keys, hasAgentJob }: FittingChoice): void {
  assertJobsCanRun(code, hasAgentJob);
  if (!keys.isOn || code.includes(ENCODED_FAILURES)) return;
  throw new HoldfastError(
    'bad-input',
    `Encryption is on (keys from ${keys.source}), but the bundle of Workflows was made without it: messages of ` +
      'failures would be sent in the clear.',
    {
      nextStep: 'Make it with HoldfastPlugin that has keys, or bundleWorkflows(workflowsPath, { isEncrypted: true }).',
    },
  );
}

/** Workflows that have nothing of Holdfast's need nothing of it. */
function assertJobsCanRun(code: string, hasAgentJob: boolean): void {
  const needed: BundlePart[] = [
    ...(hasAgentJob || code.includes(CARRIED_FIELD) ? NEEDED_BY_JOBS : []),
    ...(hasAgentJob ? (['agentJob'] as const) : []),
  ];
  const missing = missingParts(needed, (part) => code.includes(MARKS[part]));
  if (missing === undefined) return;
  const instead = hasAgentJob ? ' For Workflows without guarded jobs: agentJob: false.' : '';
  throw new HoldfastError(
    'bad-input',
    `The bundle of Workflows lacks ${missing}. It was made without HoldfastPlugin, by an earlier version of ` +
      'Holdfast, or with another plugin that has replaced that.',
    { nextStep: `Make it by bundleWorkflowCode with the same HoldfastPlugin, or by bundleWorkflows.${instead}` },
  );
}
