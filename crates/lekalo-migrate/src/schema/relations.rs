//! Tables, and all that belongs to one: columns, constraints, indexes, policies, triggers, rules, sequences.
//!
//! Each query answers `kind, name, parent, properties`, after [`super::PRELUDE`], which defines `roles`, `spaces` and
//! `relations`. A property is a word or two that a person understands; one that is null is left out.

/// In any order: what they answer is sorted.
pub(super) const QUERIES: [&str; 7] = [RELATIONS, SEQUENCES, COLUMNS, CONSTRAINTS, INDEXES, POLICIES, TRIGGERS];

const RELATIONS: &str = "-- schema_relations
SELECT r.kind, r.name, NULL AS parent, jsonb_build_object(
    'owner', o.name,
    'comment', coalesce(obj_description(r.oid, 'pg_class'), obj_description(r.reltype, 'pg_type')),
    'definition', CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END,
    'row-level security', CASE WHEN r.relkind IN ('r', 'p') AND r.relrowsecurity THEN 'enabled'
                               WHEN r.relkind IN ('r', 'p') THEN 'off' END,
    'row-level security for its owner', CASE WHEN r.relkind IN ('r', 'p') AND r.relforcerowsecurity THEN 'forced'
                                             WHEN r.relkind IN ('r', 'p') THEN 'not forced' END,
    'persistence', CASE r.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END,
    'replica identity', CASE r.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN 'an index' END,
    'access method', (SELECT amname FROM pg_am WHERE oid = r.relam),
    'storage parameters', (
        SELECT string_agg(option, ', ' ORDER BY option)
        FROM (SELECT unnest(r.reloptions)
              UNION ALL SELECT 'toast.' || unnest(t.reloptions) FROM pg_class t WHERE t.oid = r.reltoastrelid) o (option)
    ),
    'row type', nullif(r.reloftype, 0)::regtype::text,
    'partition key', pg_get_partkeydef(r.oid),
    'partition', pg_get_expr(r.relpartbound, r.oid),
    'inheritance', (SELECT string_agg(inhparent::regclass::text, ', ' ORDER BY inhseqno)
                    FROM pg_inherits WHERE inhrelid = r.oid)
) AS properties
FROM relations r JOIN roles o ON o.oid = r.relowner
WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')";

const SEQUENCES: &str = "-- schema_sequences
SELECT r.kind, r.name, t.kind || ' ' || t.name AS parent, jsonb_build_object(
    'owner', o.name,
    'comment', obj_description(r.oid, 'pg_class'),
    'type', format_type(s.seqtypid, NULL),
    'start', s.seqstart, 'increment', s.seqincrement, 'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache,
    'cycling', CASE WHEN s.seqcycle THEN 'on' ELSE 'off' END,
    'persistence', CASE r.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END,
    'column it belongs to', t.name || '.' || quote_ident(a.attname)
) AS properties
FROM relations r
JOIN roles o ON o.oid = r.relowner
JOIN pg_sequence s ON s.seqrelid = r.oid
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = r.oid AND d.objsubid = 0
    AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
LEFT JOIN relations t ON t.oid = d.refobjid
LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid";

const COLUMNS: &str = "-- schema_columns
SELECT 'column' AS kind, r.name || '.' || quote_ident(a.attname) AS name, r.kind || ' ' || r.name AS parent, jsonb_build_object(
    'type', format_type(a.atttypid, a.atttypmod),
    'nullability', CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'nullable' END,
    'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'generation', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
    'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
    'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
    'storage', CASE WHEN a.attstorage <> t.typstorage THEN
        CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END,
    'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
    'statistics target', nullif(a.attstattarget, -1),
    'options', (SELECT string_agg(option, ', ' ORDER BY option) FROM unnest(a.attoptions) option),
    'comment', col_description(r.oid, a.attnum)
) AS properties
FROM relations r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')";

/// Of tables and of domains. What PostgreSQL 18 records for NOT NULL is the column's.
const CONSTRAINTS: &str = "-- schema_constraints
SELECT c.kind, quote_ident(c.conname) || ' on ' || c.target AS name, c.parent, jsonb_build_object(
    'definition', pg_get_constraintdef(c.oid),
    'comment', obj_description(c.oid, 'pg_constraint'),
    'enforcement', CASE WHEN c.contype = 'f' THEN coalesce((
        SELECT min(CASE g.tgenabled WHEN 'D' THEN 'off (its triggers are disabled)' WHEN 'R' THEN 'on replicas only'
                                    WHEN 'A' THEN 'on, also on replicas' END)
        FROM pg_trigger g WHERE g.tgconstraint = c.oid
    ), 'on') END
) AS properties
FROM (
    SELECT n.*,
        CASE n.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key'
                       WHEN 'u' THEN 'unique constraint' ELSE 'exclusion constraint' END AS kind,
        coalesce(r.name, y.oid::regtype::text) AS target,
        coalesce(r.kind || ' ' || r.name, 'domain ' || y.oid::regtype::text) AS parent
    FROM pg_constraint n
    LEFT JOIN relations r ON r.oid = n.conrelid
    LEFT JOIN (pg_type y JOIN spaces s ON s.oid = y.typnamespace AND y.oid >= s.from_oid) ON y.oid = n.contypid
    WHERE n.contype IN ('c', 'f', 'p', 'u', 'x') AND (r.oid IS NOT NULL OR y.oid IS NOT NULL)
) c";

/// One that a constraint made belongs to it, and has its definition from there.
const INDEXES: &str = "-- schema_indexes
SELECT 'index' AS kind, i.indexrelid::regclass::text AS name,
    CASE WHEN c.oid IS NULL THEN r.kind || ' ' || r.name
         ELSE CASE c.contype WHEN 'p' THEN 'primary key ' WHEN 'u' THEN 'unique constraint ' ELSE 'exclusion constraint ' END
              || quote_ident(c.conname) || ' on ' || r.name END AS parent,
    jsonb_build_object(
        'definition', CASE WHEN c.oid IS NULL THEN pg_get_indexdef(i.indexrelid) END,
        'storage parameters', CASE WHEN c.oid IS NOT NULL THEN
            (SELECT string_agg(option, ', ' ORDER BY option) FROM unnest(x.reloptions) option) END,
        'validity', CASE WHEN i.indisvalid AND i.indisready AND i.indislive THEN 'valid' ELSE 'invalid' END,
        'clustering', CASE WHEN i.indisclustered THEN 'by this index' END,
        'replica identity', CASE WHEN i.indisreplident THEN 'this index' END,
        'comment', obj_description(i.indexrelid, 'pg_class')
    ) AS properties
FROM relations r
JOIN pg_index i ON i.indrelid = r.oid
JOIN pg_class x ON x.oid = i.indexrelid
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = r.oid AND c.contype IN ('p', 'u', 'x')";

const POLICIES: &str = "-- schema_policies
SELECT 'policy' AS kind, quote_ident(p.polname) || ' on ' || r.name AS name, r.kind || ' ' || r.name AS parent, jsonb_build_object(
    'command', CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                             WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    'kind', CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
    'roles', (SELECT string_agg(o.name, ', ' ORDER BY o.name) FROM unnest(p.polroles) g JOIN roles o ON o.oid = g),
    'USING', pg_get_expr(p.polqual, p.polrelid),
    'WITH CHECK', pg_get_expr(p.polwithcheck, p.polrelid),
    'comment', obj_description(p.oid, 'pg_policy')
) AS properties
FROM pg_policy p JOIN relations r ON r.oid = p.polrelid";

/// Triggers and rules; what constraints and views made for themselves is theirs.
const TRIGGERS: &str = "-- schema_triggers
SELECT 'trigger' AS kind, quote_ident(g.tgname) || ' on ' || r.name AS name, r.kind || ' ' || r.name AS parent, jsonb_build_object(
    'definition', pg_get_triggerdef(g.oid),
    'firing', CASE g.tgenabled WHEN 'O' THEN 'on' WHEN 'D' THEN 'off' WHEN 'R' THEN 'on replicas' ELSE 'always' END,
    'comment', obj_description(g.oid, 'pg_trigger')
) AS properties
FROM pg_trigger g JOIN relations r ON r.oid = g.tgrelid
WHERE NOT g.tgisinternal
UNION ALL
SELECT 'rule', quote_ident(w.rulename) || ' on ' || r.name, r.kind || ' ' || r.name, jsonb_build_object(
    'definition', pg_get_ruledef(w.oid),
    'firing', CASE w.ev_enabled WHEN 'O' THEN 'on' WHEN 'D' THEN 'off' WHEN 'R' THEN 'on replicas' ELSE 'always' END,
    'comment', obj_description(w.oid, 'pg_rewrite')
)
FROM pg_rewrite w JOIN relations r ON r.oid = w.ev_class
WHERE w.rulename <> '_RETURN'";
