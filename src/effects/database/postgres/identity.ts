/** Which server and which history of it a connection has reached. */
import type { IdentityState } from '../../../model/record/world.ts';
import type { PostgresSession } from './session.ts';

/** The timeline from the WAL's name, not the last checkpoint's: after a restore it is the new one at once. */
export const SERVER_IDENTITY = `
SELECT s.system_identifier::text,
       CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id::text FROM pg_control_checkpoint())
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int8::text END,
       current_database()::text
FROM pg_control_system() s`;
/** For a role that may not read the server's. */
export const DATABASE_IDENTITY = `
SELECT 'not readable by this role; database ' || oid::text, 'not readable by this role', datname::text
FROM pg_catalog.pg_database WHERE datname = current_database()`;

/** @param text one of the two statements */
export async function readIdentity(session: PostgresSession, text: string): Promise<IdentityState> {
  const [system, timeline, name] = (await session.run(text)).rows[0]!;
  return { kind: 'identity', system: String(system), timeline: String(timeline), name: String(name) };
}
