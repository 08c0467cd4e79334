/** The folder as a store of sealed documents, and what only a folder does. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { DirectoryStore } from '../../src/store/sealed/directory/store.ts';
import { folderOf, generationFile } from '../../src/store/sealed/series-name.ts';
import { sealedStoreSuite, type StoreSubject } from '../support/sealed-store-suite.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-sealed-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

function aFolder(): string {
  return join(root, String(count++));
}

function subjectAt(folder: string): StoreSubject {
  const change = (path: string, how: (bytes: Buffer) => Buffer): void => {
    chmodSync(path, 0o600);
    writeFileSync(path, how(readFileSync(path)));
  };
  return {
    open: () => new DirectoryStore(folder),
    async damage(series, generation, how) {
      change(join(folder, folderOf(series), generationFile(generation)), how);
    },
    async damageBlob(content, how) {
      change(join(folder, 'blobs', content.slice(0, 1), content.slice(1)), how);
    },
    async aside(series) {
      const damaged = join(folder, folderOf(series), 'damaged');
      const files = readdirSync(damaged).filter((name) => !name.endsWith('.txt'));
      return files.map((name) => readFileSync(join(damaged, name)));
    },
  };
}

sealedStoreSuite('a folder', async () => subjectAt(aFolder()));
