/** What has to be so when a job has ended. */
import { History } from './history.ts';
import type { Running } from './running.ts';
import { ABSENT, RESOURCES, type StepId } from './state.ts';

const ALL: readonly StepId[] = ['a', 'b:s', 'b'];

export function mustHoldAtEnd(r: Running): void {
  const { state, ledger } = r;
  // A release is told nothing of what the Workflow knows of the record (docs/design.md, "The model").
  if (state.ghost.isSwapped) return;
  r.must(ledger.intents.length === 0, 'G1', () => `the job ends, and ${ledger.intents[0]!.token} is half applied`);
  for (const res of RESOURCES) {
    const entry = ledger.manifest[res];
    r.must(
      entry === undefined || entry.value === state.world[res] || state.ghost.byPerson.includes(res),
      'G1',
      () => `the job ends, and ${res} is ${state.world[res]}; the record says ${entry!.value}`,
    );
  }
  if (state.workflow.phase === 'undoing') return mustBeTakenBack(r);
  const { latest } = new History(r);
  const seqs = ALL.map((step) => latest.find((one) => one.step === step)?.seq);
  r.must(!seqs.includes(undefined), 'G1', () => `the job ends, and ${ALL[seqs.indexOf(undefined)]} was never done`);
  r.must(
    seqs[0]! < seqs[1]! && seqs[1]! < seqs[2]!,
    'G5',
    () => 'the job ends, and step b rests on what step a had done before it ran again',
  );
}

function mustBeTakenBack(r: Running): void {
  const { world, spent } = r.state;
  if (spent.edit > 0 || spent.swap > 0) return;
  for (const res of RESOURCES) r.must(world[res] === ABSENT, 'G1', () => `all is undone, and ${res} is ${world[res]}`);
}
