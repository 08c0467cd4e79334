/**
 * Which effects of a job's records are in force, in the order in which they were made.
 *
 * Invariant: an effect is undone once. A decision that made steps run again has undone each resource newest first, up
 * to another step's change.
 */
import { uriOf } from '../../../model/record/effect.ts';
import type { DecisionRecord, StepRecord } from '../../../model/record/record.ts';
import { isPartOf } from '../../../model/sub-step-id.ts';
import { parseResource } from '../../../model/record/resource.ts';
import type { RecordedStep } from './recorded-step.ts';

interface EffectPlace {
  readonly recorded: RecordedStep;
  readonly place: number;
}

export class ChangesInForce {
  /** By what they changed; a statement by its database and step. */
  readonly #places = new Map<string, EffectPlace[]>();

  add(recorded: RecordedStep, { effects, stepId }: StepRecord): void {
    effects.forEach(({ effect, outcome }, place) => {
      if (outcome !== 'applied' || effect.kind === 'perform') return;
      recorded.open.add(place);
      if (effect.kind !== 'sql') this.#push(uriOf(effect)!, { recorded, place });
      else if (effect.undo !== undefined) this.#push(statementsOf(stepId, effect.database), { recorded, place });
    });
  }

  /** What a decision has undone is in force no more. `latest`: the newest record of each step. */
  takeBack({ reruns, changes, question }: DecisionRecord, latest: ReadonlyMap<string, RecordedStep>): void {
    const isAgain = (stepId: string): boolean => reruns.some((rerun) => isPartOf(stepId, rerun.stepId));
    for (const { resource, role } of changes) {
      if (role === 'undone') this.#takeBack(resource, ({ stepId }) => isAgain(stepId));
      // The decision's token row: the database's transaction was committed, and with it the undo of statements.
      const database = databaseOfToken(resource, question);
      if (database === undefined) continue;
      for (const stepId of latest.keys())
        if (isAgain(stepId))
          this.#takeBack(statementsOf(stepId, database), (recorded) => recorded === latest.get(stepId));
    }
  }

  #push(changed: string, effect: EffectPlace): void {
    const places = this.#places.get(changed);
    if (places === undefined) this.#places.set(changed, [effect]);
    else places.push(effect);
  }

  #takeBack(changed: string, isTaken: (recorded: RecordedStep) => boolean): void {
    const places = this.#places.get(changed) ?? [];
    for (let last = places.at(-1); last !== undefined && isTaken(last.recorded); last = places.at(-1)) {
      last.recorded.open.delete(last.place);
      last.recorded.undone.add(last.place);
      places.pop();
    }
  }
}

function statementsOf(stepId: string, database: string): string {
  return `sql:${database}/${stepId}`;
}

function databaseOfToken(uri: string, token: string): string | undefined {
  if (!uri.startsWith('token:')) return undefined;
  const resource = parseResource(uri);
  return resource.kind === 'token' && resource.token === token ? resource.database : undefined;
}
