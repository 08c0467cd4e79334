/** What a peer is in the comparison by kills, and what its process and the command say to each other. */
import type { Work } from './work.ts';

/** The servers that outlive the process that is killed; the command starts them. */
export type ServerName = 'temporal' | 'restate' | 'inngest';

/** A moment at which the process is killed: after an effect of the third step, before it is recorded. */
export interface KillPoint {
  readonly name: string;
  /** For the page. */
  readonly what: string;
}

export const AFTER_EFFECTS: KillPoint = { name: 'step', what: 'after all effects of step 3, before its record' };

export interface PeerKind {
  readonly name: string;
  /** For the table. */
  readonly what: string;
  /** Where its documentation says how such a job is to be written. */
  readonly docs: string;
  /** What of that advice the job follows. Absent where there is none. */
  readonly advice?: string;
  /** Beside this folder; it exports `open`. */
  readonly module: string;
  /** One module may serve several rows. */
  readonly variant?: string;
  /** The folder, beside this one, whose package.json names its npm packages. */
  readonly packages?: string;
  readonly server?: ServerName;
  /** The module beside this folder whose `prepare` is called once, by the command. */
  readonly preparation?: string;
  readonly kills: readonly KillPoint[];
  /** How long a job is watched that keeps trying, before somebody looks; in milliseconds. Default: 20,000. */
  readonly patienceMs?: number;
}

/** What a peer's process is given. */
export interface KillPlace {
  /** Of this case alone; the job's files lie in the folder within it that has the job's name. */
  readonly folder: string;
  /** The office's database, with its tables; for this case alone. */
  readonly databaseUrl: string;
  /** Another database of the same server, for what the peer records itself; for this case alone. */
  readonly stateUrl: string;
  /** The service that counts what it is sent. */
  readonly serviceUrl: string;
  /** The node_modules with its npm packages, where it has any. */
  readonly packages: string;
  /** What `prepare` returned. */
  readonly prepared: string;
  /** Of its server. */
  readonly server: ServerAddress;
  /** On which its own process may be reached; the same after a restart. */
  readonly port: number;
  readonly variant: string;
  /** Where to die; the empty string: nowhere. */
  readonly kill: string;
}

/** What there is to know of a server: all have `main`, `restate` has `admin`, `inngest` the rest. */
export interface ServerAddress {
  readonly main: string;
  readonly admin?: string;
  /** Whoever has it may act for the server. */
  readonly signingKey?: string;
  /** Where no npm package tells it. */
  readonly version?: string;
}

export type Outcome =
  | { readonly kind: 'completed' }
  /** It has ended, or given up, and won't go on unless somebody calls. */
  | { readonly kind: 'failed'; readonly why: string }
  /** It has stopped for a person, and says so. */
  | { readonly kind: 'asked'; readonly question: string };

/** A peer's app, running. Nothing but what its documentation gives to everybody. */
export interface KillPeer {
  /** Program or package → version. */
  readonly versions: Readonly<Record<string, string>>;
  /** Starts the job; needs not wait for it. */
  start(job: string): Promise<void>;
  /** What has to be called after a restart for the job to go on. Absent: nothing, it does by itself. */
  resume?(job: string): Promise<void>;
  /** Waits until the job has ended, given up or asked. */
  outcome(job: string): Promise<Outcome>;
  /** What whoever looks at the job is shown now, in a line or two. */
  sees(job: string): Promise<string>;
  /** Once what was broken is mended: what a person does so that the job goes on. Absent: nothing. */
  goOn?(job: string): Promise<void>;
  close(): Promise<void>;
}

/** What a peer's module exports. */
export interface KillPeerModule {
  readonly open: (place: KillPlace, work: Work) => Promise<KillPeer>;
}

/** What a preparation exports: it returns what `place.prepared` is to be. */
export interface Preparation {
  readonly prepare: (packages: string, folder: string) => Promise<string>;
}

/** One at a time, but for `outcome`, which may take as long as the job. */
export type Asked =
  | { readonly id: number; readonly ask: 'open'; readonly module: string; readonly place: KillPlace }
  | { readonly id: number; readonly ask: 'start' | 'resume' | 'outcome' | 'sees' | 'goOn'; readonly job: string }
  /** Milliseconds a step of one job that nobody disturbs. */
  | { readonly id: number; readonly ask: 'measure'; readonly job: string };

export type Answered =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly problem: string };
