/** Payloads that Temporal's answers hold as they are stored, where the SDK doesn't decode them by itself. */
import type { LoadedDataConverter, Payload } from '@temporalio/common';

/** The value, through codecs and converter. @throws HoldfastError `missing-key`, `wrong-key` */
export async function decoded<T>(
  payload: Payload,
  { payloadCodecs, payloadConverter }: LoadedDataConverter,
): Promise<T> {
  let payloads = [payload];
  for (const codec of payloadCodecs.toReversed()) payloads = await codec.decode(payloads);
  return payloadConverter.fromPayload<T>(payloads[0]!);
}
