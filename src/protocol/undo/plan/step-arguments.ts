/** What a step was given, as the ledger has it for compensations. */
import type { Json } from '../../../model/canonical-json.ts';
import type { Digest } from '../../../model/digest.ts';
import type { PlacedSecret } from '../../../model/step/secret.ts';
import type { Ledger } from '../../../store/ledger/ledger.ts';

export interface StepArguments {
  readonly input: Json;
  readonly step: string;
  /** Where the plan put secrets. Absent: nowhere. */
  readonly secrets?: readonly PlacedSecret[];
}

/** The step's claim names its arguments by digest. Undefined: the ledger does not have them. */
export function argumentsOf(ledger: Pick<Ledger, 'claim' | 'content'>, token: Digest): StepArguments | undefined {
  const digest = ledger.claim(token)?.args;
  const bytes = digest === undefined ? undefined : ledger.content(digest);
  return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as StepArguments);
}
