/** `holdfast doctor`: is everything here that a job needs? For each thing that isn't, the remedy. */
import path from 'node:path';
import { Option } from 'commander';
import { CONFIG_OPTIONS, CONNECTION_OPTIONS, TASK_QUEUE_OPTION, type CommandSpec, type Context } from './command.ts';
import { conclude, failed, type Check } from './doctor/check.ts';
import type { DoctorOptions } from './doctor/options.ts';
import { notChecked, serverChecks } from './doctor/server.ts';
import { storeChecks } from './doctor/store.ts';
import { workspaceChecks } from './doctor/workspace.ts';
import { whileSlow } from './terminal.ts';

export const doctorCommand: CommandSpec<DoctorOptions> = {
  name: 'doctor',
  arguments: [['[workspace]', "a job's workspace on this machine; default: this folder, where it is one"]],
  description:
    'Changes nothing. Exit code 0 without problems (warnings are none), 5 when the server does not answer, else 1.',
  options: [
    new Option('--fix', 'register the search attributes that are missing; nothing else is changed'),
    new Option('--deep', 'read every content that the record has, too: as long as reading .holdfast takes'),
    new Option('--store <location>', 'read every checkpoint and content of this store, too: a folder or postgres://…'),
    new Option(
      '--worker-here',
      'a worker of this very host must be running: without one it is a problem (for health checks)',
    ),
    TASK_QUEUE_OPTION,
    ...CONFIG_OPTIONS,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ['holdfast doctor', ''],
    ['holdfast doctor jobs/paris', 'also the record and databases of this workspace'],
    ['holdfast doctor jobs/paris --deep', 'every byte of the record, against its digest'],
    ['holdfast doctor --store /srv/checkpoints', 'every checkpoint of a store, against its checksums'],
    ['holdfast doctor --fix', 'register the search attributes'],
  ],
  async run(context, [workspace]) {
    const { terminal } = context;
    const encryption = encryptionCheck(context);
    const checks = [
      await configurationCheck(context),
      encryption,
      ...(encryption.state === 'problem'
        ? notChecked('keys that cannot be used')
        : await whileSlow(terminal, 'Asking the server', serverChecks(context))),
      ...(await whileSlow(
        terminal,
        'Reading the record',
        workspaceChecks(terminal, workspace, context.options.deep === true),
      )),
      ...(await whileSlow(terminal, 'Reading the store', storeChecks(terminal, context.options.store))),
    ];
    return conclude(terminal, checks);
  },
};

async function configurationCheck(context: Context<DoctorOptions>): Promise<Check> {
  try {
    const { files, steps } = await context.config();
    if (files.length === 0)
      return { name: 'configuration', state: 'ok', detail: 'none here; the built-in steps need none' };
    const where = files.map((file) => path.relative(context.terminal.cwd, file)).join(', ');
    const named = steps.map(({ contract }) => contract.name).join(', ');
    return { name: 'configuration', state: 'ok', detail: `${where}: ${named || 'no steps'}` };
  } catch (error) {
    return failed('configuration', error, 'Correct the file.');
  }
}

function encryptionCheck(context: Context<DoctorOptions>): Check {
  try {
    const { first, ids, source } = context.encryptionKeys();
    if (first === undefined)
      return {
        name: 'encryption',
        state: 'ok',
        detail: 'off: Temporal stores what jobs take and give as it is (docs/encryption.md)',
      };
    const others = ids.length === 1 ? '' : `; only decrypting: ${ids.slice(1).join(', ')}`;
    return { name: 'encryption', state: 'ok', detail: `on, under the key ${first.id}${others} (from ${source})` };
  } catch (error) {
    return failed('encryption', error);
  }
}
