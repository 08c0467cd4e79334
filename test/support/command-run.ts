/** A small tree, a command that changes it in every way, and worker processes that run it and may be killed. */
import type { ChildProcess } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { answerOf, startChild } from './child-process.ts';
import type { Container } from './container.ts';
import type { CommandEnd, CommandOrder } from './command-child.ts';

const CHILD = new URL('./command-child.ts', import.meta.url).pathname;

/** Every kind of change, in this order within the command. */
const CHANGES = [
  'sed -i s/file/FILE/ src/*.txt',
  'chmod 755 tool.sh',
  'rm gone.txt',
  'rm -r old',
  'mkdir -p new/deep/empty',
  'echo new > new/deep/n.txt',
  'ln -s ../tool.sh new/link',
  'ln -sfn src link',
  'rm becomes-folder',
  'mkdir becomes-folder',
  'echo in > becomes-folder/in.txt',
  'rm -r becomes-file',
  'echo file > becomes-file',
  'chmod 700 locked',
  'head -c 200000 /dev/zero > big.bin',
];
export const EVERY_CHANGE = CHANGES.join(' && ');

export function prepareTree(root: string, name: string, files = 12): string {
  const workspace = mkdtempSync(join(root, `${name}-`));
  for (const folder of ['src', 'old/deep', 'becomes-file/in', 'locked'])
    mkdirSync(join(workspace, folder), { recursive: true });
  for (let index = 0; index < files; index++) writeFileSync(join(workspace, `src/${index}.txt`), `file ${index}\n`);
  for (const path of [
    'gone.txt',
    'old/x.txt',
    'old/deep/y.txt',
    'becomes-folder',
    'becomes-file/in/z.txt',
    'locked/l.txt',
    'tool.sh',
  ])
    writeFileSync(join(workspace, path), `${path}\n`);
  symlinkSync('tool.sh', join(workspace, 'link'));
  chmodSync(join(workspace, 'old/deep'), 0o750);
  for (const path of readdirSync(join(workspace, 'src')))
    utimesSync(join(workspace, 'src', path), 1_600_000_000, 1_600_000_000);
  return workspace;
}

/** `end`: undefined if the worker was killed. */
export function startCommand(
  order: CommandOrder,
  container?: Container,
): {
  readonly child: ChildProcess;
  readonly end: Promise<CommandEnd | undefined>;
} {
  const started = startChild({ script: CHILD, role: 'command', order, container });
  return { child: started.process, end: answerOf(started) };
}

export async function runCommand(order: CommandOrder): Promise<CommandEnd | undefined> {
  return await startCommand(order).end;
}

export function leftCopies(workspace: string): readonly string[] {
  const folder = join(workspace, '.holdfast/commands');
  return existsSync(folder) ? readdirSync(folder) : [];
}
