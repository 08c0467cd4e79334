/** What a contender is, and what its process and the command say to each other. */

/** A way of running the same job; the rows of the table. */
export interface Variant {
  readonly name: string;
  /** For the table. */
  readonly what: string;
}

/** One process serves all variants of a contender. */
export interface ContenderKind {
  readonly name: string;
  readonly variants: readonly Variant[];
  /** The module that serves them, beside this file; it exports `open`. */
  readonly module: string;
  /** The folder, beside this file, whose package.json names its npm packages. */
  readonly packages?: string;
}

/** What a contender is given. */
export interface Place {
  /** Its own; a job's files lie in a folder of it that has the job's name. */
  readonly folder: string;
  /** Its own database, with the empty table `note`. */
  readonly databaseUrl: string;
  /** Another database of the same server, for what it records itself. */
  readonly stateUrl: string;
  /** Of PostgreSQL's first process. */
  readonly postgresPid: number;
  /** The node_modules with its npm packages, where it has any. */
  readonly packages: string;
}

/** What each step does, and the clock that is read when one begins. */
export interface Work {
  /** To be called when a step's code begins; `act` and `writeFile` do it themselves. */
  readonly begins: () => void;
  /** A whole step: the file, then the row. */
  readonly act: (job: string, index: number) => Promise<void>;
  /** The file alone, where the row is written in another way. */
  readonly writeFile: (job: string, index: number) => void;
}

export interface Contender {
  /** Program or package → version. */
  readonly versions: Readonly<Record<string, string>>;
  /** By the name of the variant: runs a job of so many steps to its end. */
  readonly variants: Readonly<Record<string, (job: string, steps: number) => Promise<void>>>;
  close(): Promise<void>;
}

/** What a contender's module exports. */
export interface ContenderModule {
  readonly open: (place: Place, work: Work) => Promise<Contender>;
}

export interface RunRequest {
  readonly variant: string;
  readonly job: string;
  readonly steps: number;
}

/** What a contender's own processes did, and what PostgreSQL's did for it. */
export interface Shares {
  readonly own: number;
  readonly postgres: number;
}

export interface Ran {
  /** From the first step's beginning to the last one's, by the steps between. */
  readonly stepMs: number;
  /** Milliseconds of computing in the same time, by the steps between; undefined where it can't be told. */
  readonly cpuMs: Shares | undefined;
  /** The whole job, with what opens and ends it. */
  readonly jobMs: number;
}

export type ToContender =
  | { readonly kind: 'open'; readonly module: string; readonly place: Place }
  | { readonly kind: 'run'; readonly request: RunRequest }
  | { readonly kind: 'close' };

export type FromContender =
  | { readonly kind: 'opened'; readonly versions: Readonly<Record<string, string>> }
  | { readonly kind: 'ran'; readonly ran: Ran }
  | { readonly kind: 'failed'; readonly why: string };
