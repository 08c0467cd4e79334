import type { CommandRequest, CommandResult } from '../../model/command.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { ContextParts } from './context.ts';

export async function commandInPlace(_parts: ContextParts, name: string, _request: CommandRequest, _inDoubt: 'ask' | 'repeat'): Promise<CommandResult> {
  throw new HoldfastError('defect', `not there: ${name}`);
}
