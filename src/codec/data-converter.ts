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
  type Payload,
  type PayloadCodec,
  type SerializationContext,
} from '@temporalio/common';
import { isFailure } from '../model/failure.ts';
import { EncryptionCodec, whyForeign } from './encryption-codec.ts';
import type { EncryptionKeys } from './keys.ts';
import { UNREADABLE_ENCODING } from './payload-converter.ts';

/** A module that both this process and the Workflows' bundle load. */
export const FAILURE_CONVERTER_PATH = modulePath('failure-converter');
/** A module of the Workflows' bundle. */
export const PAYLOAD_CONVERTER_PATH = modulePath('payload-converter');

function modulePath(name: string): string {
  return fileURLToPath(new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
}

/** Throws HoldfastErrors. */
export function clientDataConverter(keys: EncryptionKeys): DataConverter {
  return converterOf(keys, new EncryptionCodec(keys));
}

/** Fails Workflow Tasks and Activities so that they are tried again, with the failure's type. */
export function workerDataConverter(keys: EncryptionKeys): DataConverter {
  return converterOf(keys, new WorkerCodec(keys));
}

function converterOf(keys: EncryptionKeys, codec: PayloadCodec): DataConverter {
  return { payloadCodecs: [codec], ...(keys.isOn ? { failureConverterPath: FAILURE_CONVERTER_PATH } : {}) };
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
