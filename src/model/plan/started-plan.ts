/** What a job of a plan was started with says of its databases. Pure. */

/** A database as the plan declares it. */
export interface DeclaredDatabase {
  readonly url: string;
  readonly base?: string | undefined;
}

/** By name. Undefined: a Workflow of one's own, which names them in its code. */
export function declaredDatabases(args: readonly unknown[]): Readonly<Record<string, DeclaredDatabase>> | undefined {
  const plan = (args[0] as { readonly plan?: { readonly databases?: unknown } } | null | undefined)?.plan;
  if (plan === undefined || plan === null) return undefined;
  return (plan.databases ?? {}) as Readonly<Record<string, DeclaredDatabase>>;
}
