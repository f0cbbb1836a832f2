//! What belongs to no table: schemas, types, functions, extensions, grants, and the rarer kinds.
//!
//! As in `relations.rs`, each query answers `kind, name, parent, properties`.

/// In any order: what they answer is sorted.
pub(super) const QUERIES: [&str; 10] =
    [SCHEMAS, TYPES, FUNCTIONS, EXTENSIONS, PUBLICATIONS, OTHERS, GRANTS, DEFAULT_PRIVILEGES, SETTINGS, ROLES];

/// Who owns `public` depends on the PostgreSQL that made the database.
const SCHEMAS: &str = "-- schema_schemas
SELECT 'schema' AS kind, quote_ident(s.nspname) AS name, NULL AS parent, jsonb_build_object(
    'owner', CASE WHEN s.nspname <> 'public' THEN o.name END,
    'comment', nullif(obj_description(s.oid, 'pg_namespace'), 'standard public schema')
) AS properties
FROM spaces s JOIN roles o ON o.oid = s.nspowner";

const TYPES: &str = "-- schema_types
SELECT CASE y.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range type' ELSE 'base type' END AS kind,
    y.oid::regtype::text AS name, NULL AS parent, jsonb_build_object(
    'owner', o.name,
    'comment', obj_description(y.oid, 'pg_type'),
    'values', (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = y.oid),
    'type', CASE WHEN y.typtype = 'd' THEN format_type(y.typbasetype, y.typtypmod) END,
    'nullability', CASE WHEN y.typtype = 'd' THEN CASE WHEN y.typnotnull THEN 'NOT NULL' ELSE 'nullable' END END,
    'default', y.typdefault,
    'collation', CASE WHEN y.typtype = 'd' AND y.typcollation <> b.typcollation THEN y.typcollation::regcollation::text END,
    'subtype', (SELECT format_type(rngsubtype, NULL) FROM pg_range WHERE rngtypid = y.oid)
) AS properties
FROM pg_type y
JOIN spaces s ON s.oid = y.typnamespace
JOIN roles o ON o.oid = y.typowner
LEFT JOIN pg_type b ON b.oid = y.typbasetype
WHERE (y.typtype IN ('e', 'd', 'r') OR y.typtype = 'b' AND y.typcategory <> 'A')
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_type'::regclass AND m.objid = y.oid)";

const FUNCTIONS: &str = "-- schema_functions
SELECT CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
    p.oid::regprocedure::text AS name, NULL AS parent, jsonb_build_object(
    'owner', o.name,
    'comment', obj_description(p.oid, 'pg_proc'),
    'arguments', pg_get_function_arguments(p.oid),
    'result', pg_get_function_result(p.oid),
    'language', l.lanname,
    'body', coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
    'library', p.probin,
    'volatility', CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
    'rights', CASE WHEN p.prosecdef THEN 'its owner''s (SECURITY DEFINER)' ELSE 'its caller''s' END,
    'answer to null', CASE WHEN p.proisstrict THEN 'null (STRICT)' ELSE 'its own' END,
    'parallel', CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END,
    'leakproof', p.proleakproof,
    'cost', p.procost, 'rows', p.prorows,
    'settings', array_to_string(p.proconfig, ', '),
    'aggregate', (SELECT concat_ws(' ', aggtransfn, nullif(aggfinalfn::oid, 0)::regproc, aggtranstype::regtype, agginitval)
                  FROM pg_aggregate WHERE aggfnoid = p.oid)
) AS properties
FROM pg_proc p
JOIN spaces s ON s.oid = p.pronamespace
JOIN roles o ON o.oid = p.proowner
JOIN pg_language l ON l.oid = p.prolang
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)";

/// Whose they are is left out: a superuser may have created them beforehand.
const EXTENSIONS: &str = "-- schema_extensions
SELECT 'extension' AS kind, quote_ident(e.extname) AS name, NULL AS parent, jsonb_build_object(
    'version', e.extversion,
    'schema', e.extnamespace::regnamespace::text,
    'members', (SELECT string_agg(i.identity, ', ' ORDER BY i.identity COLLATE \"C\")
                FROM pg_depend d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i
                WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'),
    'comment', obj_description(e.oid, 'pg_extension')
) AS properties
FROM pg_extension e";

const PUBLICATIONS: &str = "-- schema_publications
SELECT 'publication' AS kind, quote_ident(b.pubname) AS name, NULL AS parent, jsonb_build_object(
    'owner', o.name,
    'comment', obj_description(b.oid, 'pg_publication'),
    'tables', CASE WHEN b.puballtables THEN 'all'
                   ELSE (SELECT string_agg(t.what, ', ' ORDER BY t.what)
                         FROM (SELECT prrelid::regclass::text
                                   || coalesce(' (columns ' || prattrs::text || ')', '')
                                   || coalesce(' WHERE ' || pg_get_expr(prqual, prrelid), '') AS what
                               FROM pg_publication_rel WHERE prpubid = b.oid
                               UNION ALL
                               SELECT 'all of ' || pnnspid::regnamespace::text
                               FROM pg_publication_namespace WHERE pnpubid = b.oid) t) END,
    'operations', concat_ws(', ', CASE WHEN b.pubinsert THEN 'insert' END, CASE WHEN b.pubupdate THEN 'update' END,
                            CASE WHEN b.pubdelete THEN 'delete' END, CASE WHEN b.pubtruncate THEN 'truncate' END)
) AS properties
FROM pg_publication b JOIN roles o ON o.oid = b.pubowner
UNION ALL
SELECT 'subscription', quote_ident(u.subname), NULL, jsonb_build_object(
    'owner', o.name,
    'comment', obj_description(u.oid, 'pg_subscription'),
    'publications', array_to_string(u.subpublications, ', '),
    'work', CASE WHEN u.subenabled THEN 'on' ELSE 'off' END)
FROM pg_subscription u
JOIN pg_database b ON b.oid = u.subdbid AND b.datname = current_database()
JOIN roles o ON o.oid = u.subowner
UNION ALL
SELECT 'event trigger', quote_ident(v.evtname), NULL, jsonb_build_object(
    'comment', obj_description(v.oid, 'pg_event_trigger'),
    'event', v.evtevent, 'function', v.evtfoid::regprocedure::text, 'tags', array_to_string(v.evttags, ', '),
    'firing', CASE v.evtenabled WHEN 'O' THEN 'on' WHEN 'D' THEN 'off' WHEN 'R' THEN 'on replicas' ELSE 'always' END)
FROM pg_event_trigger v
UNION ALL
SELECT 'statistics', t.stxnamespace::regnamespace::text || '.' || quote_ident(t.stxname), NULL, jsonb_build_object(
    'definition', pg_get_statisticsobjdef(t.oid), 'comment', obj_description(t.oid, 'pg_statistic_ext'))
FROM pg_statistic_ext t JOIN spaces s ON s.oid = t.stxnamespace";

/// Kinds of which it is enough to know whether they are there. Objects below 16384 are PostgreSQL's own.
const OTHERS: &str = "-- schema_others
SELECT i.type AS kind, i.identity AS name, NULL AS parent, jsonb_build_object(
    'comment', (SELECT description FROM pg_description WHERE classoid = o.classid AND objoid = o.oid AND objsubid = 0)
) AS properties
FROM (
    SELECT 'pg_operator'::regclass AS classid, oid FROM pg_operator
    UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
    UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily
    UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
    UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
    UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion
    UNION ALL SELECT 'pg_language'::regclass, oid FROM pg_language
    UNION ALL SELECT 'pg_transform'::regclass, oid FROM pg_transform
    UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict
    UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
) o
CROSS JOIN LATERAL pg_identify_object(o.classid, o.oid, 0) i
WHERE o.oid >= 16384 AND NOT EXISTS (SELECT FROM members m WHERE m.classid = o.classid AND m.objid = o.oid)";

/// One object for each privilege. What the owner of a database or of `public` may do there is left out, as it depends on
/// the PostgreSQL that made the database; so is MAINTAIN, which only newer ones know. Who may connect to the database is the
/// operator's affair, who may make schemas in it is not.
const GRANTS: &str = "-- schema_grants
SELECT 'grant' AS kind, a.privilege_type || ' on ' || g.target || ' to ' ||
        CASE a.grantee WHEN g.owner THEN 'its owner' ELSE o.name END AS name,
    nullif(g.target, 'this database') AS parent,
    jsonb_build_object('grant option', CASE WHEN bool_or(a.is_grantable) THEN 'given' END) AS properties
FROM (
    SELECT r.kind || ' ' || r.name AS target, r.relowner AS owner,
        coalesce(r.relacl, acldefault(CASE r.relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r' END, r.relowner)) AS acl
    FROM relations r WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'column ' || r.name || '.' || quote_ident(t.attname), r.relowner, t.attacl
    FROM relations r JOIN pg_attribute t ON t.attrelid = r.oid AND NOT t.attisdropped WHERE t.attacl IS NOT NULL
    UNION ALL
    SELECT 'schema ' || quote_ident(s.nspname), s.nspowner, coalesce(s.nspacl, acldefault('n', s.nspowner)) FROM spaces s
    UNION ALL
    SELECT 'this database', datdba, datacl FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' WHEN 'a' THEN 'aggregate ' ELSE 'function ' END || p.oid::regprocedure::text,
        p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
    FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace
    WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
    UNION ALL
    SELECT CASE y.typtype WHEN 'e' THEN 'enum ' WHEN 'd' THEN 'domain ' ELSE 'range type ' END || y.oid::regtype::text,
        y.typowner, coalesce(y.typacl, acldefault('T', y.typowner))
    FROM pg_type y JOIN spaces s ON s.oid = y.typnamespace
    WHERE y.typtype IN ('e', 'd', 'r')
        AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_type'::regclass AND m.objid = y.oid)
) g
CROSS JOIN LATERAL aclexplode(g.acl) a
JOIN roles o ON o.oid = a.grantee
WHERE a.privilege_type NOT IN ('MAINTAIN', 'CONNECT', 'TEMPORARY')
    AND NOT ((g.target LIKE 'schema %' OR g.target = 'this database') AND (a.grantee = g.owner OR o.name = 'the owner'))
GROUP BY a.privilege_type, g.target, g.owner, a.grantee, o.name";

const DEFAULT_PRIVILEGES: &str = "-- schema_default_privileges
SELECT 'default privilege' AS kind,
    a.privilege_type || ' on new ' ||
        CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types'
                             WHEN 'n' THEN 'schemas' ELSE 'objects' END ||
        ' of ' || f.name || coalesce(' in ' || nullif(d.defaclnamespace, 0)::regnamespace::text, '') || ' to ' || o.name AS name,
    NULL AS parent, jsonb_build_object('grant option', CASE WHEN a.is_grantable THEN 'given' END) AS properties
FROM pg_default_acl d
JOIN roles f ON f.oid = d.defaclrole
CROSS JOIN LATERAL aclexplode(d.defaclacl) a
JOIN roles o ON o.oid = a.grantee";

/// The role that the service works as, where there are migrations: they make it without any power, and row-level security
/// rests on that. What its members may do is the operator's affair.
const ROLES: &str = "-- schema_roles
SELECT 'role' AS kind, quote_ident(r.rolname) AS name, NULL AS parent, jsonb_build_object(
    'powers', nullif(concat_ws(', ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
                               CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
                               CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolcanlogin THEN 'LOGIN' END), ''),
    'memberships', (SELECT string_agg(g.rolname, ', ' ORDER BY g.rolname)
                    FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid),
    'settings', (SELECT string_agg(c.setting, ', ' ORDER BY c.setting)
                 FROM pg_db_role_setting d CROSS JOIN LATERAL unnest(d.setconfig) AS c (setting)
                 WHERE d.setrole = r.oid AND d.setdatabase = 0
                     AND c.setting ~ '^(app\\.|row_security=|role=|search_path=|session_replication_role=)')
) AS properties
FROM pg_roles r
WHERE r.rolname = 'lekalo_app' AND to_regclass('public.refinery_schema_history') IS NOT NULL";

/// Of this database's own settings those that decide what a row's reader sees; the others are the operator's to tune.
const SETTINGS: &str = "-- schema_settings
SELECT 'setting' AS kind, split_part(c.setting, '=', 1) || ' of ' || coalesce(o.name, 'everybody') || ' in this database' AS name,
    NULL AS parent, jsonb_build_object('value', substr(c.setting, strpos(c.setting, '=') + 1)) AS properties
FROM pg_db_role_setting d
JOIN pg_database b ON b.oid = d.setdatabase AND b.datname = current_database()
CROSS JOIN LATERAL unnest(d.setconfig) AS c (setting)
LEFT JOIN roles o ON o.oid = d.setrole AND d.setrole <> 0
WHERE c.setting ~ '^(app\\.|row_security=|role=|search_path=|session_replication_role=)'";
