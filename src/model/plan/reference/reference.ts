/**
 * References in a plan: `${{ input.city }}`, `${{ steps.gather.output.rows[0] }}`, `${{ state.total }}`,
 * `${{ job.id }}`, `${{ secrets.NAME }}` (a step's input), `${{ item.name }}` and `${{ index }}` (with `forEach`),
 * `${{ round }}` and `${{ previous.x }}` (with `until`), and `${{ env.NAME }}` (databases only). They are paths and
 * nothing else: no operators, no calls.
 */
import type { Json } from '../../canonical-json.ts';

export const REFERENCE_ROOTS = [
  'input',
  'state',
  'steps',
  'job',
  'item',
  'index',
  'round',
  'previous',
  'secrets',
  'env',
  'output',
] as const;
export type ReferenceRoot = (typeof REFERENCE_ROOTS)[number];

/** One part of a reference's path: a member's name or an index. */
export type PathPart = string | number;

export type Reference =
  | {
      readonly root: 'input' | 'output' | 'item' | 'previous';
      readonly path: readonly PathPart[];
      readonly text: string;
    }
  | {
      readonly root: 'state' | 'env' | 'secrets';
      readonly name: string;
      readonly path: readonly PathPart[];
      readonly text: string;
    }
  | { readonly root: 'steps'; readonly stepId: string; readonly path: readonly PathPart[]; readonly text: string }
  | { readonly root: 'job' | 'index' | 'round'; readonly path: readonly []; readonly text: string };

/** What references may see. A root that is missing cannot be used in this place. */
export interface Scope {
  readonly input?: Json;
  readonly state?: { readonly [key: string]: Json };
  readonly steps?: ReadonlyMap<string, Json>;
  readonly job?: { readonly id: string };
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly output?: Json;
  /** Of a step's `forEach`. */
  readonly item?: Json;
  readonly index?: number;
  /** Of a step's `until`: which round it is, from 1 on. */
  readonly round?: number;
  /** What the round before has returned; null in the first. */
  readonly previous?: Json;
  /** Steps whose output is null, whatever path leads into it: they were skipped. */
  readonly skipped?: ReadonlySet<string>;
}

/** `with` + `rows` → `with.rows`; names that are no plain word are quoted: `with["a b"]`. */
export function joinPath(path: string, part: PathPart): string {
  if (typeof part === 'number') return `${path}[${part}]`;
  if (!/^[A-Za-z_][\w-]*$/.test(part)) return `${path}[${JSON.stringify(part)}]`;
  return path === '' ? part : `${path}.${part}`;
}
