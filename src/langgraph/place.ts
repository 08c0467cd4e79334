/** Where checkpoints are kept. */
import path from 'node:path';
import { HoldfastError } from '../model/failure.ts';
import { DirectoryStore } from '../store/sealed/directory/store.ts';
import type { SealedStore } from '../store/sealed/store.ts';

/** Connects to nothing and makes nothing yet. @throws HoldfastError `bad-input` */
export function openPlace(place: unknown): SealedStore {
  if (typeof place !== 'string' || place === '' || /^postgres(ql)?:/.test(place))
    throw new HoldfastError('bad-input', 'HoldfastSaver was given no place for the checkpoints. Expected a folder.');
  return new DirectoryStore(path.resolve(place));
}
