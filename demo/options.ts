/** The demo's command line. */
import { parseArgs } from 'node:util';
import { defined } from '../src/model/defined.ts';

export interface DemoOptions {
  readonly interactive: boolean;
  readonly keep: boolean;
  readonly json: boolean;
  readonly help: boolean;
  /** Of a PostgreSQL where a database can be made. */
  readonly database?: string;
  readonly folder?: string;
}

export const HELP = `npm run demo -- [options]

A job makes a report on real weather data. Its worker is killed between an effect and its record, people change what it
made meanwhile, a new worker asks about exactly that, and everything has happened once: proved from outside.

  --interactive     you decide what the job asks
  --keep            afterwards the Temporal server, its UI and the worker stay until Ctrl-C, and the folder for good
  --database URL    postgres://user@host/db: the same on PostgreSQL, in a database made for it and dropped afterwards
  --folder PATH     work in this folder and leave it there; it must not exist, or be empty
  --json            one JSON document on standard output; the story goes to standard error
  --help

Exit codes: 0 everything holds, 1 something doesn't, 2 a wrong option, 130 interrupted.
`;

/** @throws Error whose message says which option is wrong */
export function readOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      interactive: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false, short: 'h' },
      database: { type: 'string' },
      folder: { type: 'string' },
    },
  });
  const { interactive, keep, json, help, database, folder } = values;
  if (database !== undefined && !/^postgres(ql)?:\/\//.test(database))
    throw new Error('--database takes a URL that begins with postgres://');
  if (interactive && json)
    throw new Error('--interactive and --json exclude each other: somebody is asked, or a program reads');
  return {
    interactive,
    keep,
    json,
    help,
    ...defined({ database, folder }),
  };
}
