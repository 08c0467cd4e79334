/**
 * A job in a store, as a person names it: STORE/JOB, or STORE/JOB@SEQ. STORE is a location of `openStore`; JOB is a
 * Workflow's id, or a job's whole id (`WORKFLOW@RUN`).
 *
 * Pure. Which of the possible readings is meant is told by what the store has: a Workflow's id may have slashes.
 */
export interface StoredJobName {
  readonly store: string;
  readonly job: string;
  /** The checkpoint's number; undefined: the newest. */
  readonly at: number | undefined;
}

/** What it can mean, the likeliest first. Empty: it has no slash where a job's name could begin. */
export function readingsOf(text: string): readonly StoredJobName[] {
  return /^postgres(ql)?:\/\//.test(text) ? ofPostgres(text) : ofFolder(text);
}

function ofFolder(text: string): readonly StoredJobName[] {
  const places = [...text.matchAll(/\//g)].map(({ index }) => index).reverse();
  return places.flatMap((place) => withNumber(text.slice(0, place) || '/', text.slice(place + 1)));
}

/** The job stands behind the database's name, or behind the query: `postgres://host/db/JOB?…`, `…?schema=s/JOB`. */
function ofPostgres(text: string): readonly StoredJobName[] {
  const query = text.indexOf('?');
  const inQuery = query < 0 ? -1 : text.indexOf('/', query);
  if (inQuery >= 0) return withNumber(text.slice(0, inQuery), text.slice(inQuery + 1));
  const address = query < 0 ? text : text.slice(0, query);
  const asked = query < 0 ? '' : text.slice(query);
  const [, start, database, job] = /^(postgres(?:ql)?:\/\/[^/]*)\/([^/]*)\/(.+)$/.exec(address) ?? [];
  return job === undefined ? [] : withNumber(`${start}/${database}${asked}`, job);
}

/** A job's whole id has an @, too: what stands behind the last one is a number only if it is one. */
function withNumber(store: string, job: string): readonly StoredJobName[] {
  if (job === '') return [];
  const [, name, digits] = /^(.+)@(\d{1,15})$/.exec(job) ?? [];
  const whole = { store, job, at: undefined };
  return name === undefined ? [whole] : [{ store, job: name, at: Number(digits) }, whole];
}
