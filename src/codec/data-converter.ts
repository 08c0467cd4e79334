/**
 * What Temporal's client and worker take so that all their payloads are encrypted: one setting for both.
 *
 * Invariant: the codec is there also without keys, so that whoever meets an encrypted payload is told which key it
 * needs.
 */
import { fileURLToPath } from 'node:url';
import {
  ApplicationFailure,
  type DataConverter,
  type LoadedDataConverter,
  type Payload,
  type PayloadCodec,
  type SerializationContext,
} from '@temporalio/common';
import { HoldfastError, isFailure } from '../model/failure.ts';
import { EncryptionCodec, whyForeign } from './encryption-codec.ts';
import { ENCODED_FAILURES } from './failure-converter.ts';
import type { EncryptionKeys } from './keys.ts';
import { UNREADABLE_ENCODING } from './payload-converter.ts';

/** A module that both this process and the Workflows' bundle load. */
export const FAILURE_CONVERTER_PATH = modulePath('failure-converter');
/** A module of the Workflows' bundle. */
export const PAYLOAD_CONVERTER_PATH = modulePath('payload-converter');
/** The same for a bundle whose user has a payload converter of their own. */
export const CONVERTER_OVER_YOURS_PATH = modulePath('converter-over-yours');

function modulePath(name: string): string {
  return fileURLToPath(new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
}

/** On top of the program's own converter, if it has one. Its codec throws HoldfastErrors. */
export function clientDataConverter(keys: EncryptionKeys, own: DataConverter = {}): DataConverter {
  return converterOver(own, keys, new EncryptionCodec(keys));
}

/** The same; its codec fails Workflow Tasks and Activities so that they are tried again, with the failure's type. */
export function workerDataConverter(keys: EncryptionKeys, own: DataConverter = {}): DataConverter {
  return converterOver(own, keys, new WorkerCodec(keys));
}

/** Is this converter made by one of the two above? */
export function isHoldfastConverter({ payloadCodecs = [] }: Pick<DataConverter, 'payloadCodecs'>): boolean {
  return payloadCodecs.some((codec) => codec instanceof EncryptionCodec);
}

/** Does it encode messages of failures as Holdfast's own? */
export function isHoldfastFailureConverter(converter: DataConverter | LoadedDataConverter): boolean {
  if (!('failureConverter' in converter)) return converter.failureConverterPath === FAILURE_CONVERTER_PATH;
  return (converter.failureConverter as { readonly name?: unknown }).name === ENCODED_FAILURES;
}

/** Is this one a Worker's, as the Client has it that the SDK makes of a Worker? */
export function isWorkerConverter({ payloadCodecs = [] }: Pick<DataConverter, 'payloadCodecs'>): boolean {
  return payloadCodecs.some((codec) => codec instanceof WorkerCodec);
}

/**
 * Only Holdfast's own encrypts messages of failures.
 * @throws HoldfastError `bad-input`: encryption is on, and there is another
 */
export function refuseOtherFailureConverter(
  { failureConverterPath: other }: { readonly failureConverterPath?: string | undefined },
  isEncrypted: boolean,
): void {
  if (!isEncrypted || other === undefined || other === FAILURE_CONVERTER_PATH) return;
  throw new HoldfastError(
    'bad-input',
    `Encryption is on, and there is a failure converter of yours: ${other}. ` +
      "Holdfast's own must convert failures then, since it encrypts their messages.",
    { nextStep: 'Leave failureConverterPath out, or encrypt by a codec of your own and give Holdfast no keys.' },
  );
}

/** The program's codecs stand nearer to the server: what it has encrypted comes to Holdfast's in the clear. */
function converterOver(own: DataConverter, keys: EncryptionKeys, codec: PayloadCodec): DataConverter {
  refuseOtherFailureConverter(own, keys.isOn);
  return {
    ...own,
    payloadCodecs: [codec, ...(own.payloadCodecs ?? [])],
    ...(keys.isOn ? { failureConverterPath: FAILURE_CONVERTER_PATH } : {}),
  };
}

class WorkerCodec extends EncryptionCodec {
  override async decode(payloads: Payload[], context?: SerializationContext): Promise<Payload[]> {
    try {
      return await super.decode(context?.type === 'workflow' ? payloads.map(orUnreadable) : payloads);
    } catch (error) {
      if (!isFailure(error)) throw error;
      // Without details: they would be encrypted, and be one more thing that can't be read.
      throw ApplicationFailure.retryable(`${error.message} ${error.nextStep}`, error.type);
    }
  }
}

/**
 * What was sent to a Workflow and no key will ever read is handed over as such, to be refused. What a key may read is
 * not: the Task is tried again, by whoever has it.
 */
function orUnreadable(payload: Payload): Payload {
  const why = whyForeign(payload);
  if (why === undefined) return payload;
  return { metadata: { encoding: Buffer.from(UNREADABLE_ENCODING) }, data: Buffer.from(why) };
}
