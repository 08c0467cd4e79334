/**
 * Payloads inside the Workflows' bundle: Temporal's own converter, except that a message which can't be read is handed
 * over as such. Temporal's own would throw before any handler sees it: the Workflow Task would fail, for ever, because
 * of what somebody sent.
 *
 * Invariants
 * 1. Only what is sent to the Workflow itself (its input, Signals, Updates, Queries) is handed over so. A result of an
 *    Activity that can't be read fails the Task as before: nothing is decided from it.
 * 2. Pure: the same in every replay, on every worker.
 */
import {
  DefaultPayloadConverter,
  type Payload,
  type PayloadConverter,
  type SerializationContext,
} from '@temporalio/common';
import { noteLoaded } from '../model/bundle-parts.ts';
import { unreadable } from '../model/unreadable.ts';

/** The encoding of what the codec could not decode, with the reason in its place. By it a bundle is known, too. */
export const UNREADABLE_ENCODING = noteLoaded('payloadConverter', 'binary/holdfast-unreadable');

/** A converter that hands over what `inner` can't read, where it was sent to the Workflow itself. */
export function lenient(inner: PayloadConverter): PayloadConverter {
  return {
    toPayload: (value, context) => inner.toPayload(value, context),
    fromPayload<T>(payload: Payload, context?: SerializationContext): T {
      try {
        if (encodingOf(payload) === UNREADABLE_ENCODING) throw new TypeError(textOf(payload.data));
        return inner.fromPayload<T>(payload, context);
      } catch (error) {
        if (context?.type !== 'workflow' || !(error instanceof Error)) throw error;
        return unreadable(error) as T;
      }
    },
  };
}

function encodingOf({ metadata }: Payload): string | undefined {
  const encoding = metadata?.['encoding'];
  return encoding == null ? undefined : textOf(encoding);
}

function textOf(bytes: Uint8Array | null | undefined): string {
  return new TextDecoder().decode(bytes ?? new Uint8Array());
}

/** The name that Temporal's SDK looks for. */
export const payloadConverter = lenient(new DefaultPayloadConverter());
