/** Who has had a say in a resource since a step: read once for a whole undoing, whatever it asks about. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GENESIS } from '../../src/model/record/chain.ts';
import { ChangesOfJob } from '../../src/protocol/undo/inverse/changes-of-job.ts';

interface Told {
  readonly seq: number;
  readonly kind: 'step' | 'decision' | 'undone';
  readonly step?: number;
  readonly resource: string;
}

/** A chain as the ledger has it, which counts what is read of it. */
class CountedChain {
  readonly told: Told[] = [];
  read = 0;

  headAt(_jobId: string, seq: number): string | undefined {
    if (seq === 0) return GENESIS;
    return seq <= this.told.length ? `head ${seq}` : undefined;
  }

  *records(_jobId: string, after = 0): Generator<never> {
    for (const one of this.told.slice(after)) {
      this.read += 1;
      yield { record: recordOf(one), head: `head ${one.seq}` } as never;
    }
  }

  add(kind: Told['kind'], resource: string, step?: number): void {
    this.told.push({ seq: this.told.length + 1, kind, resource, ...(step === undefined ? {} : { step }) });
  }
}

function recordOf({ seq, kind, step, resource }: Told): object {
  const [, table, key] = /^row:db\/(\w+)\/(.*)$/.exec(resource)!;
  const effect = { kind: 'row.update', database: 'db', table, key: JSON.parse(key!) as object };
  if (kind === 'decision')
    return { seq, kind, changes: [{ resource, role: step === undefined ? 'accepted' : 'undone' }] };
  const named = { seq, kind, stepId: `s${step}`, generation: 0 };
  if (kind === 'undone') return { ...named, changes: [{ resource, role: 'undone' }] };
  return { ...named, changes: [], effects: [{ effect, outcome: 'applied' }] };
}

/** The same, said the long way. */
function isRuledOn(told: readonly Told[], resource: string, since: number): boolean {
  const later = told.filter((one) => one.seq > since && one.resource === resource);
  const steps = new Set<number>();
  for (const { kind, step } of later) {
    if (kind === 'step') steps.add(step!);
    if (kind === 'undone') steps.delete(step!);
    if (kind === 'decision' && step !== undefined) steps.clear();
  }
  return steps.size > 0 || later.some(({ kind, step }) => kind === 'decision' && step === undefined);
}

test('an undoing of many steps reads each record once, and tells of each step what was done since', () => {
  const chain = new CountedChain();
  const rows = Array.from({ length: 7 }, (_, n) => `row:db/note/{"id":${n}}`);
  for (let n = 0; n < 120; n++) {
    const kind = n % 17 === 5 ? 'decision' : 'step';
    chain.add(kind, rows[(n * n) % 7]!, kind === 'decision' && n % 2 === 0 ? undefined : n);
  }
  const changes = new ChangesOfJob('job');
  for (let seq = 120; seq > 0; seq--) {
    assert.ok(changes.isOf(chain as never, 'job'));
    changes.readOn(chain as never);
    for (const row of rows) assert.equal(changes.isRuledOn(row, seq), isRuledOn(chain.told, row, seq), `${row} ${seq}`);
    chain.add('undone', rows[seq % 7]!, seq);
  }
  assert.equal(chain.read, chain.told.length - 1);
  assert.ok(!changes.isOf(chain as never, 'another job'));
});
