/** What a command can't do without, and nobody can be asked for. */
import { HoldfastError } from '../model/failure.ts';
import type { Context } from './command.ts';

/** @param missing as it would be typed. @throws HoldfastError `bad-input`, where anything is */
export function refuseMissing(command: string, missing: readonly string[], nextStep: string): void {
  if (missing.length > 0)
    throw new HoldfastError('bad-input', `holdfast ${command} needs ${missing.join(' and ')}.`, { nextStep });
}

/** The option, where no reason is given and nobody is there to be asked for one. */
export function missingReason({
  options: { reason, dryRun },
  terminal,
}: Context<{ readonly reason?: string; readonly dryRun?: boolean }>): readonly string[] {
  return reason === undefined && dryRun !== true && !terminal.isInteractive ? ['--reason WHY'] : [];
}
