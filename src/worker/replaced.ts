/**
 * A plugin behind Holdfast's may take away again what it has set. Nothing would tell: steps would be unknown, or what
 * is to be encrypted would be sent in the clear.
 */
import type { ClientOptions, ClientPlugin } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import type { WorkerOptions, WorkerPlugin } from '@temporalio/worker';
import { isHoldfastConverter, isHoldfastFailureConverter } from '../codec/data-converter.ts';
import { HoldfastError } from '../model/failure.ts';
import { assertDeploymentStands } from './deployment.ts';
import type { WorkerParts } from './parts.ts';

type SomeConverter = NonNullable<ClientOptions['dataConverter']>;

/** By the functions that a Worker was given: its parts. */
const partsOf = new WeakMap<object, WorkerParts>();

/** So that they are known again among a Worker's Activities. */
export function rememberParts(parts: WorkerParts): void {
  for (const activity of Object.values(parts.activities)) partsOf.set(activity as object, parts);
}

/** Undefined: Holdfast's Activities are not there, or not the ones that were given. */
export function partsAmong(activities: object): WorkerParts | undefined {
  const runStep: unknown = activities instanceof Map ? activities.get('runStep') : Reflect.get(activities, 'runStep');
  return typeof runStep === 'function' ? partsOf.get(runStep) : undefined;
}

/** @throws HoldfastError `bad-input`: Holdfast's Activities are gone */
export function partsStanding(activities: object): WorkerParts {
  const parts = partsAmong(activities);
  if (parts === undefined)
    throw new HoldfastError('bad-input', "Another plugin has replaced Holdfast's Activities of this Worker.", {
      nextStep: 'Put it before Holdfast among the plugins, or let it add to what is there.',
    });
  return parts;
}

/** @throws HoldfastError `bad-input`: the codec is gone, or with encryption on the failure converter */
export function assertConverterStands(
  whose: 'Worker' | 'Client',
  converter: SomeConverter | LoadedDataConverter,
  isEncrypted: boolean,
): void {
  if (!isHoldfastConverter(converter)) throw replaced(whose, 'codecs', 'them');
  if (isEncrypted && !isHoldfastFailureConverter(converter)) throw replaced(whose, 'failure converter', 'it');
}

function replaced(whose: string, what: string, pronoun: string): HoldfastError {
  return new HoldfastError(
    'bad-input',
    `Another plugin has replaced the ${whose}'s ${what}, and Holdfast's with ${pronoun}.`,
    { nextStep: 'Put it before Holdfast among the plugins, or let it add to what is there.' },
  );
}

/** Looks at what the plugins have made of a Worker or Client, once all of them had their turn. */
class LastLook implements ClientPlugin, WorkerPlugin {
  readonly name = 'holdfast-last-look';
  readonly isEncrypted: boolean;

  constructor(isEncrypted: boolean) {
    this.isEncrypted = isEncrypted;
  }

  configureWorker(options: WorkerOptions): WorkerOptions {
    partsStanding(options.activities ?? {});
    assertDeploymentStands(options);
    assertConverterStands('Worker', options.dataConverter ?? {}, this.isEncrypted);
    return options;
  }

  configureClient(options: ClientOptions): ClientOptions {
    assertConverterStands('Client', options.dataConverter ?? {}, this.isEncrypted);
    return options;
  }
}

/**
 * The SDK asks the plugins of a list one after the other, those that are added meanwhile as well; the list is its own
 * copy of what the program has given.
 */
export function lookLast(plugins: (ClientPlugin | WorkerPlugin)[] | undefined, isEncrypted: boolean): void {
  const isThere = plugins?.some((plugin) => plugin instanceof LastLook && plugin.isEncrypted === isEncrypted) ?? true;
  if (!isThere) plugins?.push(new LastLook(isEncrypted));
}
