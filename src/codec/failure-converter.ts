/**
 * Failures while encryption is on: message and stack trace travel as a payload, so that they are encrypted, too. Also
 * part of the Workflows' bundle, and so without Node.
 *
 * Invariants
 * 1. A failure that says which key is missing or wrong stays readable: whoever reads it may lack just this key.
 * 2. An error that is converted twice gives the same failure twice; the SDK's own converter would encode its
 *    placeholder.
 */
import {
  ApplicationFailure,
  DefaultFailureConverter,
  type FailureConverter,
  type PayloadConverter,
  type ProtoFailure,
  type SerializationContext,
} from '@temporalio/common';

/** By it a bundle is known that has this converter. */
export const ENCODED_FAILURES = 'holdfast:failures-are-encoded';

/** What Temporal's own converter writes in place of the message. */
const PLACEHOLDER = 'Encoded failure';
const KEY_FAILURES: readonly string[] = ['missing-key', 'wrong-key'];

class EncodedFailureConverter extends DefaultFailureConverter {
  readonly name = ENCODED_FAILURES;

  override errorToFailure(
    error: unknown,
    payloadConverter: PayloadConverter,
    context?: SerializationContext,
  ): ProtoFailure {
    const failure = this.errorToFailureInner(error, payloadConverter, context);
    if (error instanceof ApplicationFailure && KEY_FAILURES.includes(error.type ?? '')) return failure;
    const { message, stackTrace } = failure;
    return {
      ...failure,
      message: PLACEHOLDER,
      stackTrace: '',
      encodedAttributes: payloadConverter.toPayload({ message, stack_trace: stackTrace }, context),
    };
  }
}

/** The name that Temporal's SDK looks for. */
export const failureConverter: FailureConverter = new EncodedFailureConverter();
