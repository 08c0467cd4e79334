/** With keys, nothing of a job can be read from what the server keeps. */
import type { Mutation } from './mutation.ts';

export const ENCRYPTION: readonly Mutation[] = [
  {
    guarantee: 'Encryption',
    breaks: 'messages of failures are sent in the clear',
    file: 'src/codec/failure-converter.ts',
    find: "return { ...failure, message: PLACEHOLDER, stackTrace: '',",
    replace: 'return { ...failure,',
    tests: ['test/integration/encryption.test.ts'],
    name: 'nothing that a job takes',
  },
  {
    guarantee: 'Encryption',
    breaks: 'what clients send is not encrypted',
    file: 'src/codec/data-converter.ts',
    find: 'return converterOver(own, keys, new EncryptionCodec(keys));',
    replace: `return keys.ids.length < 0 ? converterOver(own, keys, new EncryptionCodec(keys)) : { payloadCodecs: [{
      encode: async (payloads) => await Promise.resolve(payloads),
      decode: async (payloads) => await new EncryptionCodec(keys).decode(payloads),
    }] };`,
    tests: ['test/integration/encryption.test.ts'],
    name: 'nothing that a job takes',
  },
  {
    guarantee: 'Encryption',
    breaks: 'the id of the key is not authenticated',
    file: 'src/codec/encryption-codec.ts',
    find: 'return bytes(`${FORMAT}\\0${id}`);',
    replace: 'return bytes(`${FORMAT}${id.slice(0, 0)}`);',
    tests: ['test/unit/encryption.test.ts'],
  },
  {
    guarantee: 'Encryption',
    breaks: 'a worker that lacks a key fails the job',
    file: 'src/codec/data-converter.ts',
    find: 'throw ApplicationFailure.retryable(',
    replace: 'throw ApplicationFailure.nonRetryable(',
    tests: ['test/integration/encryption.test.ts'],
    name: 'another has not',
  },
  {
    guarantee: 'Encryption',
    breaks: 'after a rotation what the old key wrote is not read',
    file: 'src/codec/keys.ts',
    find: 'return this.#keys.get(id);',
    replace: 'return this.first?.id === id ? this.first : undefined;',
    tests: ['test/unit/encryption.test.ts'],
  },
  {
    guarantee: 'Encryption',
    breaks: 'any web page is answered by the codec endpoint',
    file: 'src/codec/codec-server.ts',
    find: 'if (!origins.has(origin)) throw',
    replace: "if (origin === '' && !origins.has(origin)) throw",
    tests: ['test/unit/codec-server.test.ts'],
  },
  {
    guarantee: 'Encryption',
    breaks: 'the codec endpoint asks for no token',
    file: 'src/codec/codec-server.ts',
    find: 'if (rules.tokenDigest !== undefined && !isToken(',
    replace: "if (rules.tokenDigest !== undefined && headers.authorization === '' && !isToken(",
    tests: ['test/unit/codec-server.test.ts'],
  },
  {
    guarantee: 'Encryption',
    breaks: 'what a running step says of itself is not encrypted',
    file: 'src/codec/data-converter.ts',
    find: 'return converterOver(own, keys, new WorkerCodec(keys));',
    replace: `return converterOver(own, keys, {
      encode: async (payloads) => await Promise.resolve(payloads),
      decode: async (payloads) => await new WorkerCodec(keys).decode(payloads),
    });`,
    tests: ['test/fault/encrypted-progress.test.ts'],
  },
];
