/**
 * A person at the same machine: another process that changes files and SQLite databases while no worker lives. Runs as
 * a child of a test file and does what it is told by messages.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

export type Deed =
  | { readonly do: 'write'; readonly path: string; readonly content: string }
  | { readonly do: 'remove'; readonly path: string }
  | { readonly do: 'folder'; readonly path: string }
  | { readonly do: 'link'; readonly path: string; readonly target: string }
  | { readonly do: 'mode'; readonly path: string; readonly mode: number }
  | { readonly do: 'copy'; readonly from: string; readonly to: string }
  | { readonly do: 'sql'; readonly path: string; readonly sql: string };

export interface Person {
  does(...deeds: readonly Deed[]): Promise<void>;
  leave(): Promise<void>;
}

/** Starts the process. The caller lets the person leave. */
export async function aPerson(): Promise<Person> {
  const child = fork(fileURLToPath(import.meta.url), ['person'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await answer(child);
  return {
    async does(...deeds) {
      const answered = answer(child);
      child.send(deeds);
      const problem = await answered;
      if (problem !== 'done') throw new Error(`The person could not: ${problem}`);
    },
    async leave() {
      const ended = new Promise((resolve) => void child.once('exit', resolve));
      child.disconnect();
      await ended;
    },
  };
}

async function answer(child: ChildProcess): Promise<string> {
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('message', (message) => {
      child.off('error', reject);
      resolve(message as string);
    });
  });
}

async function carryOut(deed: Deed): Promise<void> {
  switch (deed.do) {
    case 'write':
      return await fs.writeFile(deed.path, deed.content);
    case 'remove':
      return await fs.rm(deed.path, { recursive: true });
    case 'folder':
      return void (await fs.mkdir(deed.path, { recursive: true }));
    case 'link':
      return await fs.symlink(deed.target, deed.path);
    case 'mode':
      return await fs.chmod(deed.path, deed.mode);
    case 'copy':
      return await fs.cp(deed.from, deed.to, { recursive: true, verbatimSymlinks: true });
    case 'sql': {
      const database = new DatabaseSync(deed.path);
      try {
        database.exec(deed.sql);
      } finally {
        database.close();
      }
    }
  }
}

if (process.argv[2] === 'person' && process.send !== undefined) {
  process.on('message', (deeds) => {
    void (async () => {
      for (const deed of deeds as Deed[]) await carryOut(deed);
    })().then(
      () => process.send?.('done'),
      (error: unknown) => process.send?.(String(error)),
    );
  });
  process.send('here');
}
