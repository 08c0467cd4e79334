/** A payload codec of a program: wraps each payload, and remembers which encodings it was given to wrap. */
import type { Payload, PayloadCodec } from '@temporalio/common';
import protos from '@temporalio/proto';

const { Payload: Message } = protos.temporal.api.common.v1;
export const MARKED_ENCODING = 'binary/marked';

export class MarkingCodec implements PayloadCodec {
  readonly wrapped = new Set<string>();

  async encode(payloads: Payload[]): Promise<Payload[]> {
    for (const { metadata } of payloads) this.wrapped.add(text(metadata?.['encoding']));
    return await Promise.resolve(
      payloads.map((payload) => ({
        metadata: { encoding: Buffer.from(MARKED_ENCODING) },
        data: Message.encode(payload).finish(),
      })),
    );
  }

  async decode(payloads: Payload[]): Promise<Payload[]> {
    return await Promise.resolve(
      payloads.map((payload) =>
        text(payload.metadata?.['encoding']) === MARKED_ENCODING
          ? (Message.decode(payload.data ?? new Uint8Array()) as Payload)
          : payload,
      ),
    );
  }
}

function text(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
