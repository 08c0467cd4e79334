/** The record of a long job, made directly: running so many steps takes minutes. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ABSENT } from '../../src/model/record/world.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import { HOLDFAST_DIRECTORY } from '../../src/model/step/workspace-path.ts';
import { Ledger } from '../../src/store/ledger/ledger.ts';

export interface LongLedger {
  readonly steps: number;
  /** Every so many steps have so many sub-steps each, with records of their own. Default: none. */
  readonly subSteps?: { readonly every: number; readonly count: number };
}

const RUN = 'run';
export const LONG_JOB = { jobId: 'long@run', workflowId: 'long' } as const;

/** In a workspace: each step has written one of a hundred files. */
export function makeLongLedger(workspace: string, { steps, subSteps }: LongLedger): void {
  const folder = join(workspace, HOLDFAST_DIRECTORY);
  mkdirSync(folder, { recursive: true });
  const ledger = Ledger.open(folder, { create: true });
  try {
    ledger.transaction(() => {
      const settings = { databases: {}, watch: [], verifyAfterMs: 0, plan: null };
      ledger.addJob({ ...LONG_JOB, runId: RUN, settings });
      for (let place = 0; place < steps; place++) {
        const hasSubSteps = subSteps !== undefined && place % subSteps.every === 0;
        for (let one = 0; hasSubSteps && one < subSteps.count; one++)
          add(ledger, { stepId: `s${place}:part/${one}`, step: 'long', place });
        add(ledger, { stepId: `s${place}`, step: 'long', place });
      }
    });
  } finally {
    ledger.close();
  }
}

interface LongStep {
  readonly stepId: string;
  readonly step: string;
  readonly place: number;
}

function add(ledger: Ledger, { stepId, step, place }: LongStep): void {
  const digest = sha256Hex(stepId);
  const path = `${place % 100}.txt`;
  const after = { kind: 'file', sizeBytes: 1024, mode: 0o644, content: digest } as const;
  ledger.append(LONG_JOB.jobId, RUN, {
    kind: 'step',
    stepId,
    step,
    version: '1',
    generation: 0,
    token: digest,
    args: digest,
    intent: digest,
    output: { path, text: 'x'.repeat(500) },
    uses: null,
    effects: [{ effect: { kind: 'file.write', path, before: ABSENT, after }, after, outcome: 'applied' }],
    changes: [{ resource: `file:${path}`, role: 'written', state: after }],
    logs: [],
  });
}
