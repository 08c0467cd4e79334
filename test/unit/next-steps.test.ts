/** What Holdfast advises after each failure can be typed as it stands, and is said in words that a person knows. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Command } from 'commander';
import { describeCommand } from '../../src/cli/command.ts';
import { COMMANDS, loadCommand } from '../../src/cli/commands.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { FAILURES } from '../../src/model/failures.ts';
import { AnswerSchema } from '../../src/model/question/answer.ts';

const root = path.join(import.meta.dirname, '../..');
const DOCUMENTED = ['command-line', 'context', 'encryption', 'plans', 'questions', 'getting-started']
  .map((name) => readFileSync(path.join(root, `docs/${name}.md`), 'utf8'))
  .join('\n');
/** Of other programs: not ours to document. */
const OF_OTHERS: readonly string[] = ['.recover'];
/** Words of the protocol: the glossary has them, a person at a question need not. */
const INTERNAL = /\b(generation|token|claim|nonce|intent|fence|term|manifest|draft|mark|seal(ed)?|epoch)s?\b/i;

/** The command line as the program itself would read it; nothing is run. @throws CommanderError */
async function parsed(line: string): Promise<void> {
  const [name, ...args] = line.split(' ').slice(1);
  const listed = COMMANDS.find((one) => one.name === name);
  assert.ok(listed, `there is no command ${name}`);
  const spec = { ...(await loadCommand(listed)), run: () => Promise.resolve({ code: 0, data: undefined, text: '' }) };
  const command = new Command(name).exitOverride().configureOutput({ writeErr: () => undefined });
  describeCommand(command, { spec: spec as never, summary: '', terminal: {} as Terminal }, () => undefined);
  await command.parseAsync(args, { from: 'user' });
}

/** Every option of every command. */
async function allOptions(): Promise<ReadonlySet<string>> {
  const specs = await Promise.all(COMMANDS.map(loadCommand));
  return new Set(specs.flatMap(({ options }) => (options ?? []).map(({ long }) => String(long))));
}

const options = await allOptions();

describe('what to do after each failure', () => {
  for (const [type, { nextStep }] of Object.entries(FAILURES)) {
    test(`${type}: its commands, options and answers are there, and its words are known`, async () => {
      assert.doesNotMatch(nextStep, INTERNAL);
      assert.match(nextStep, /[.]$/);
      for (const [, code] of nextStep.matchAll(/`([^`]+)`/g)) {
        if (code!.startsWith('holdfast ')) await parsed(code!);
        else if (code!.startsWith('--')) assert.ok(options.has(code!), `no command has ${code}`);
        else if (/\b(decide|answer\b.*question)/i.test(nextStep) && AnswerSchema.safeParse(code).success) continue;
        else if (!OF_OTHERS.includes(code!))
          assert.ok(DOCUMENTED.includes(code!.split(':')[0]!), `no documentation has ${code}`);
      }
      const bare = nextStep.replace(/`[^`]+`/g, '');
      for (const [option] of bare.matchAll(/--[a-z-]+/g)) assert.ok(options.has(option), `no command has ${option}`);
      for (const [name] of bare.matchAll(/\b[A-Z]+(_[A-Z]+)+\b/g)) assert.ok(DOCUMENTED.includes(name), name);
    });
  }
});

test('a command with an option that it does not have is not taken', async () => {
  await assert.rejects(parsed('holdfast status JOB --nonsense'), /unknown option/);
  await assert.rejects(parsed('holdfast decide'), /missing required argument/);
  await assert.rejects(parsed('holdfast nonsense'), /no command/);
});
