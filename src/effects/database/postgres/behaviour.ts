/**
 * What PostgreSQL's catalog tells of a table besides its columns, keys and constraints that changes what a write does.
 *
 * Invariant: owner, comments, statistics and sizes are no part of it: they change no write.
 */

import { HIDES_ROWS } from '../../../model/record/world.ts';

/**
 * Lines of text, as a JSON array, for the table `c` (pg_class). Whoever reads them sorts them. OFFSET 0 has the planner
 * look each type up by its oid: it takes a table for one of many types, and would read all of them.
 */
export const TABLE_BEHAVIOUR = `
(SELECT coalesce(json_agg(line), '[]') FROM (
  WITH RECURSIVE used(oid) AS (
    SELECT a.atttypid FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT made_of.oid FROM used CROSS JOIN LATERAL (
      SELECT unnest(ARRAY[typbasetype, typelem]) AS oid FROM pg_catalog.pg_type WHERE pg_type.oid = used.oid OFFSET 0
    ) AS made_of WHERE made_of.oid <> 0)
  SELECT CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'TEMPORARY' END AS line WHERE c.relpersistence <> 'p'
  UNION ALL
  SELECT 'PARTITION BY ' || pg_get_partkeydef(c.oid) WHERE c.relkind = 'p'
  UNION ALL
  SELECT CASE WHEN c.relispartition
              THEN format('PARTITION OF %s %s', h.inhparent::regclass, pg_get_expr(c.relpartbound, c.oid))
              ELSE format('INHERITS %s', h.inhparent::regclass) END
  FROM pg_catalog.pg_inherits h WHERE h.inhrelid = c.oid
  UNION ALL
  SELECT 'FOREIGN TABLE' WHERE c.relkind = 'f'
  UNION ALL
  SELECT CASE WHEN c.relforcerowsecurity THEN 'ROW LEVEL SECURITY, FORCED' ELSE 'ROW LEVEL SECURITY' END
  WHERE c.relrowsecurity
  UNION ALL
  SELECT '${HIDES_ROWS}' WHERE row_security_active(c.oid)
  UNION ALL
  SELECT format('POLICY %I %s FOR %s TO %s', y.polname,
                CASE WHEN y.polpermissive THEN 'AS PERMISSIVE' ELSE 'AS RESTRICTIVE' END,
                CASE y.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                              WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r)::text END, ', ' ORDER BY r)
                 FROM unnest(y.polroles) AS r))
         || coalesce(format(' USING (%s)', pg_get_expr(y.polqual, y.polrelid)), '')
         || coalesce(format(' WITH CHECK (%s)', pg_get_expr(y.polwithcheck, y.polrelid)), '')
  FROM pg_catalog.pg_policy y WHERE y.polrelid = c.oid AND c.relrowsecurity
  UNION ALL
  SELECT pg_get_triggerdef(g.oid)
         || CASE g.tgenabled WHEN 'D' THEN ' DISABLED' WHEN 'R' THEN ' ON REPLICA' WHEN 'A' THEN ' ALWAYS' ELSE '' END
         || format(' (function body %s)', left(md5(f.prosrc), 12))
  FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid
  WHERE g.tgrelid = c.oid AND NOT g.tgisinternal
  UNION ALL
  SELECT pg_get_ruledef(w.oid)
         || CASE w.ev_enabled WHEN 'D' THEN ' DISABLED' WHEN 'R' THEN ' ON REPLICA' WHEN 'A' THEN ' ALWAYS' ELSE '' END
  FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.rulename <> '_RETURN'
  UNION ALL
  SELECT CASE WHEN t.typtype = 'e'
              THEN format('TYPE %s AS ENUM (%s)', format_type(t.oid, NULL),
                          (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                           FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid))
              ELSE format('DOMAIN %s AS %s', format_type(t.oid, NULL), format_type(t.typbasetype, t.typtypmod))
                   || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
                   || coalesce((SELECT string_agg(' ' || pg_get_constraintdef(k.oid), '' ORDER BY k.conname)
                                FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '') END
  FROM used CROSS JOIN LATERAL (
    SELECT * FROM pg_catalog.pg_type WHERE pg_type.oid = used.oid AND typtype IN ('e', 'd') OFFSET 0) AS t
) AS lines)`;
