/** Steps as nodes and edges: what can be reached, cycles, levels. */

/** What lies beyond these steps along the edges (the steps themselves only if an edge leads back). */
export function reach(edges: ReadonlyMap<string, readonly string[]>, ids: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const queue = [...ids];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const next of edges.get(id) ?? []) {
      if (reached.has(next)) continue;
      reached.add(next);
      queue.push(next);
    }
  }
  return reached;
}

/** One cycle, its first step repeated at its end, or undefined. Edges to unknown steps are passed over. */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const finished = new Set<string>();
  for (const start of edges.keys()) {
    // An explicit stack: a chain of steps may be longer than the call stack is deep.
    const path: { readonly id: string; next: number }[] = [{ id: start, next: 0 }];
    const onPath = new Set([start]);
    while (path.length > 0) {
      const top = path.at(-1)!;
      const next = finished.has(top.id) ? undefined : (edges.get(top.id) ?? [])[top.next++];
      if (next === undefined) {
        finished.add(top.id);
        onPath.delete(top.id);
        path.pop();
      } else if (onPath.has(next)) {
        const ids = path.map((one) => one.id);
        return [...ids.slice(ids.indexOf(next)), next];
      } else if (edges.has(next)) {
        path.push({ id: next, next: 0 });
        onPath.add(next);
      }
    }
  }
  return undefined;
}

/** The super-step of each step (Kahn's algorithm). The edges must hold no cycle. */
export function levels(waitsFor: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, number> {
  const level = new Map<string, number>();
  const missing = new Map<string, number>();
  const users = new Map<string, string[]>([...waitsFor.keys()].map((id) => [id, []]));
  for (const [id, needs] of waitsFor) {
    missing.set(id, needs.length);
    for (const need of needs) users.get(need)!.push(id);
  }
  const ready = [...waitsFor.keys()].filter((id) => missing.get(id) === 0);
  for (let index = 0; index < ready.length; index++) {
    const id = ready[index]!;
    level.set(id, Math.max(-1, ...waitsFor.get(id)!.map((need) => level.get(need)!)) + 1);
    for (const user of users.get(id)!) {
      missing.set(user, missing.get(user)! - 1);
      if (missing.get(user) === 0) ready.push(user);
    }
  }
  return level;
}
