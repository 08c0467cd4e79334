/** Cleaning up, archives: test/mutations/*.ts. */
import type { Mutation } from './mutation.ts';

const GC = ['test/integration/gc.test.ts'];
const DIRECTORY = ['test/integration/sealed-directory.test.ts'];
const POSTGRES = ['test/integration/sealed-postgres.test.ts'];

export const RETENTION: readonly Mutation[] = [
  {
    guarantee: 'G4',
    breaks: 'contents of a workspace go while a job has it',
    file: 'src/protocol/retention/collect-blobs.ts',
    find: '  if (bound !== undefined) return',
    replace: '  if (bound === undefined) return',
    tests: GC,
    name: 'the latest jobs of a plan stay',
  },
  {
    guarantee: 'G4',
    breaks: 'a record goes although its archive could not be written',
    file: 'src/protocol/retention/archive-file.ts',
    find: 'if (!linkUnlessThere(temporary, path)) await mustBeSame(path, archiving.job);',
    replace: 'linkUnlessThere(temporary, path);',
    tests: GC,
    name: 'what stands in an archive’s place',
  },
  {
    guarantee: 'G6',
    breaks: 'a header of an archive that was altered is taken',
    file: 'src/store/tar.ts',
    find: '    mustBeOurs(header, member, at);\n',
    replace: '',
    tests: GC,
    name: 'an archive that is cut short',
  },
  {
    guarantee: 'G6',
    breaks: 'a content of an archive is not compared with its digest',
    file: 'src/protocol/retention/archive-file.ts',
    find: 'if (content !== sha256) throw',
    replace: 'if (content === undefined) throw',
    tests: GC,
    name: 'an archive that is cut short',
  },
  {
    guarantee: 'G6',
    breaks: 'what is behind the end of an archive is passed over',
    file: 'src/store/tar.ts',
    find: 'if (size === at + TAR_END.length &&',
    replace: 'if (size >= at + TAR_END.length &&',
    tests: GC,
    name: 'an archive that is cut short',
  },
  {
    guarantee: 'G4',
    breaks: 'a checkpoint goes that the kept ones go on from',
    file: 'src/protocol/retention/collect-store.ts',
    find: '{ keep, neededFrom });',
    replace: '{ keep });',
    tests: GC,
    name: 'of a store the latest checkpoints stay',
  },
  {
    guarantee: 'G4',
    breaks: 'contents of a store go although a document can’t be read',
    file: 'src/protocol/retention/collect-store.ts',
    find: '        return { hindrance: `${error.message} What it names is not known, so no content was removed.` };',
    replace: '        continue;',
    tests: GC,
    name: 'of a store the latest checkpoints stay',
  },
  {
    guarantee: 'G4',
    breaks: 'a content of a folder that was kept meanwhile is removed as unused',
    file: 'src/store/sealed/directory/store.ts',
    find: 'contents.filter((content) => isTouched(this.#blobs.pathOf(content)))',
    replace: 'contents.filter((content) => this.#blobs.has(content))',
    tests: DIRECTORY,
    name: 'a content that is kept, or stored again',
  },
  {
    guarantee: 'G4',
    breaks: 'a content of PostgreSQL that was kept meanwhile is removed as unused',
    file: 'src/store/sealed/postgres/blobs.ts',
    find: 'AND at <= clock_timestamp() -',
    replace: 'AND at <= clock_timestamp() +',
    tests: POSTGRES,
    name: 'a content that is kept, or stored again',
  },
];
