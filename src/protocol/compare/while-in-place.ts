/** Which command in place ran while a watched file changed: nobody can tell which of the two changed it. */
import { InPlaceAnswerSchema } from '../../model/step/command-result.ts';
import { sameState, type ResourceState } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';

/** A sentence for the question; undefined: none did, or the file has changed again since. */
export function whileInPlace(
  ledger: Ledger,
  jobId: string,
  resource: string,
  found: ResourceState,
): string | undefined {
  for (const { answer, stepId, name } of ledger.performs(jobId).toReversed()) {
    if (answer?.includes('"inPlace"') !== true) continue;
    const parsed = InPlaceAnswerSchema.safeParse(JSON.parse(answer));
    const seen = parsed.data?.watched?.find((one) => one.resource === resource);
    if (seen !== undefined && sameState(seen.state, found))
      return (
        `It changed while the command ${name} of step ${stepId} ran in place: by the command, or by somebody else ` +
        'meanwhile; that is not known. accept takes it as it is; or put it back as it was and answer recheck.'
      );
  }
  return undefined;
}
