/** What a worker process of a crash test is told, and what it tells. */
import type { Kill } from '../cases.ts';

export interface ChildOrder {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueue: string;
  /** Relative workspaces start here. */
  readonly workspaceRoot: string;
  /** A module of JSON: the bundle of Workflows. */
  readonly bundlePath: string;
  /** Where the configuration is looked for, and the modules' paths start. The process itself is in `workspaceRoot`. */
  readonly cwd: string;
  readonly config?: string;
  readonly steps: readonly string[];
  readonly setUp?: string;
  /** Gets a line for each trace. */
  readonly traces: string;
  /** Gets a line for each process of the run: who it is. */
  readonly processes: string;
  /** Where every HTTP request goes, to be counted. */
  readonly standIn: string;
  /** Tells the run to the stand-in. */
  readonly caseId: string;
  /** Is each point that is passed written down? */
  readonly tellsPoints: boolean;
}

/** Where the process ends itself, or stops itself. */
export interface OrderedFault extends Kill {
  readonly how: 'kill' | 'freeze';
}

/** It is told to go on, to one of these points. */
export interface GoMessage {
  readonly faults: readonly OrderedFault[];
}

/** One line of the file of traces. */
export type Trace =
  | { readonly kind: 'point'; readonly step: string; readonly point: string }
  | { readonly kind: 'fault'; readonly step: string; readonly point: string; readonly hit: number }
  /** A step's code begins. `run` tells attempts apart. */
  | { readonly kind: 'code'; readonly step: string; readonly use: string; readonly run: string }
  /** What it staged by `ctx`. */
  | {
      readonly kind: 'staged';
      readonly step: string;
      readonly run: string;
      readonly target: string;
      readonly at: string;
    }
  /** What it did past `ctx`. `content`: a digest, of what may be repeated without another outcome. */
  | {
      readonly kind: 'outside';
      readonly step: string;
      readonly run: string;
      readonly did: string;
      readonly target: string;
      readonly at: string;
      readonly content?: string;
    }
  /** `isGuarded`: by `ctx.http`, or within `ctx.perform` or `ctx.once`. */
  | {
      readonly kind: 'request';
      readonly step: string;
      readonly run: string;
      readonly method: string;
      readonly url: string;
      readonly at: string;
      readonly isGuarded: boolean;
    };

/** What the worker process says: it has loaded everything; it polls. */
export type ChildMessage = 'loaded' | 'polling';

export const STAND_IN_URL = 'x-holdfast-crash-url';
export const STAND_IN_CASE = 'x-holdfast-crash-case';
