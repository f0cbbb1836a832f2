//! What belongs to no table: schemas, types, functions, extensions, grants, and the rarer kinds.
//!
//! As in `relations.rs`, each query answers `kind, name, parent, properties`.

/// In any order: what they answer is sorted.
pub(super) const QUERIES: [&str; 12] = [
    SCHEMAS,
    TYPES,
    FUNCTIONS,
    EXTENSIONS,
    PUBLICATIONS,
    OTHERS,
    GRANTS,
    SYSTEM_GRANTS,
    DEFAULT_PRIVILEGES,
    SETTINGS,
    ROLES,
    DATABASE,
];

/// Who owns `public` depends on the PostgreSQL that made the database: its owner, or a superuser.
const SCHEMAS: &str = "-- schema_schemas
SELECT 'schema' AS kind, quote_ident(s.nspname) AS name, NULL AS parent, jsonb_build_object(
    'owner', CASE WHEN s.nspname = 'public' AND (r.rolsuper OR r.rolname = 'pg_database_owner') THEN 'the owner' ELSE o.name END,
    'comment', nullif(obj_description(s.oid, 'pg_namespace'), 'standard public schema')
) AS properties
FROM spaces s JOIN roles o ON o.oid = s.nspowner JOIN pg_roles r ON r.oid = s.nspowner
WHERE s.from_oid = 0";

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
JOIN spaces s ON s.oid = y.typnamespace AND y.oid >= s.from_oid
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
JOIN spaces s ON s.oid = p.pronamespace AND p.oid >= s.from_oid
JOIN roles o ON o.oid = p.proowner
JOIN pg_language l ON l.oid = p.prolang
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)";

/// Whose they are is left out: a superuser may have created them beforehand. So are the types that come with a member (of
/// its array, its rows, its multirange): only PostgreSQL 17 and newer, where they made the database, say that they belong.
const EXTENSIONS: &str = "-- schema_extensions
SELECT 'extension' AS kind, quote_ident(e.extname) AS name, NULL AS parent, jsonb_build_object(
    'version', e.extversion,
    'schema', e.extnamespace::regnamespace::text,
    'comment', obj_description(e.oid, 'pg_extension')
) AS properties
FROM pg_extension e
UNION ALL
SELECT 'member', i.type || ' ' || i.identity || ' of extension ' || quote_ident(e.extname), 'extension ' || quote_ident(e.extname), '{}'
FROM pg_extension e
JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
LEFT JOIN pg_type y ON d.classid = 'pg_type'::regclass AND y.oid = d.objid
LEFT JOIN pg_class c ON c.oid = y.typrelid
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) i
WHERE y.oid IS NULL OR NOT (y.typtype = 'm' OR y.typtype = 'c' AND c.relkind <> 'c'
                            OR EXISTS (SELECT FROM pg_type e WHERE e.typarray = y.oid))";

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
FROM pg_statistic_ext t JOIN spaces s ON s.oid = t.stxnamespace AND t.oid >= s.from_oid";

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
/// operator's affair, who may make schemas in it is not; nor is it drift to keep strangers out of `public`.
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
    SELECT 'schema ' || quote_ident(s.nspname), s.nspowner, coalesce(s.nspacl, acldefault('n', s.nspowner))
    FROM spaces s WHERE s.from_oid = 0
    UNION ALL
    SELECT 'this database', datdba, datacl FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure ' WHEN 'a' THEN 'aggregate ' ELSE 'function ' END || p.oid::regprocedure::text,
        p.proowner, coalesce(p.proacl, acldefault('f', p.proowner))
    FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace AND p.oid >= s.from_oid
    WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
    UNION ALL
    SELECT CASE y.typtype WHEN 'e' THEN 'enum ' WHEN 'd' THEN 'domain ' ELSE 'range type ' END || y.oid::regtype::text,
        y.typowner, coalesce(y.typacl, acldefault('T', y.typowner))
    FROM pg_type y JOIN spaces s ON s.oid = y.typnamespace AND y.oid >= s.from_oid
    WHERE y.typtype IN ('e', 'd', 'r')
        AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_type'::regclass AND m.objid = y.oid)
) g
CROSS JOIN LATERAL aclexplode(g.acl) a
JOIN roles o ON o.oid = a.grantee
WHERE a.privilege_type NOT IN ('MAINTAIN', 'CONNECT', 'TEMPORARY')
    AND NOT ((g.target LIKE 'schema %' OR g.target = 'this database') AND (a.grantee = g.owner OR o.name = 'the owner'))
    AND NOT (g.target = 'schema public' AND a.grantee = 0 AND a.privilege_type = 'USAGE')
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

/// The role that the program serves as, where there are migrations: they make it without any power, and row-level security
/// rests on that. Which roles are its members, and what else these may do, is the operator's affair, but for what undoes
/// row-level security.
const ROLES: &str = "-- schema_roles
SELECT 'role' AS kind, quote_ident(r.rolname) AS name, NULL AS parent, jsonb_build_object(
    'powers', nullif(concat_ws(', ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
                               CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
                               CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolcanlogin THEN 'LOGIN' END), ''),
    'memberships', (SELECT string_agg(g.rolname, ', ' ORDER BY g.rolname)
                    FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid),
    'settings', (SELECT string_agg(c.setting || ' of ' || coalesce(m.rolname, 'everybody'), ', ' ORDER BY m.rolname, c.setting)
                 FROM pg_db_role_setting d
                 CROSS JOIN LATERAL unnest(d.setconfig) AS c (setting)
                 LEFT JOIN pg_roles m ON m.oid = d.setrole
                 WHERE d.setdatabase = 0 AND (d.setrole = 0 OR pg_has_role(m.oid, r.oid, 'MEMBER') AND NOT m.rolsuper)
                     AND (c.setting ~* '^(row_security|session_replication_role)='
                          OR starts_with(lower(c.setting), $3 /* settings */))),
    'rights to set parameters', (SELECT string_agg(a.privilege_type || ' ' || p.parname, ', ' ORDER BY p.parname)
                                 FROM pg_parameter_acl p CROSS JOIN LATERAL aclexplode(p.paracl) a
                                 WHERE a.grantee IN (0, r.oid))
) AS properties
FROM pg_roles r
WHERE r.rolname = $2 /* role */ AND to_regclass('public.refinery_schema_history') IS NOT NULL";

/// Who owns the database owns, in effect, what is in `public`: not the role that serves.
const DATABASE: &str = "-- schema_database
SELECT 'database' AS kind, '(this one)' AS name, NULL AS parent, jsonb_build_object(
    'owner', CASE WHEN d.datdba <> $1 /* owner */ AND NOT r.rolsuper AND EXISTS (
                 SELECT FROM pg_roles a WHERE a.rolname = $2 /* role */ AND pg_has_role(d.datdba, a.oid, 'MEMBER')
             ) THEN quote_ident(r.rolname) ELSE 'the owner' END
) AS properties
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
WHERE d.datname = current_database()";

/// What everybody or the role that serves may do with PostgreSQL's own objects beyond what `initdb` grants.
const SYSTEM_GRANTS: &str = "-- schema_system_grants
SELECT DISTINCT 'grant' AS kind,
    a.privilege_type || ' on ' || i.type || ' ' || i.identity || ' to ' || o.name AS name, NULL AS parent, '{}'::jsonb AS properties
FROM (
    SELECT 'pg_class'::regclass AS classid, c.oid, 0 AS subid, c.relacl AS acl FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('pg_catalog', 'information_schema')
    UNION ALL
    SELECT 'pg_class'::regclass, t.attrelid, t.attnum, t.attacl FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('pg_catalog', 'information_schema')
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, p.proacl FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname IN ('pg_catalog', 'information_schema')
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, 0, n.nspacl FROM pg_namespace n WHERE n.nspname IN ('pg_catalog', 'information_schema')
) s
CROSS JOIN LATERAL aclexplode(s.acl) a
JOIN roles o ON o.oid = a.grantee AND o.name IN ('PUBLIC', $2 /* role */)
CROSS JOIN LATERAL pg_identify_object(s.classid, s.oid, s.subid) i
WHERE s.oid < 16384 AND NOT EXISTS (
    SELECT FROM pg_init_privs p CROSS JOIN LATERAL aclexplode(p.initprivs) g
    WHERE p.classoid = s.classid AND p.objoid = s.oid AND p.objsubid = s.subid
        AND g.grantee = a.grantee AND g.privilege_type = a.privilege_type
) AND NOT (
    -- What everybody may do with a function of which initdb says nothing.
    s.classid = 'pg_proc'::regclass AND a.grantee = 0
    AND NOT EXISTS (SELECT FROM pg_init_privs p WHERE p.classoid = s.classid AND p.objoid = s.oid)
)";

/// Of this database's own settings those that decide what a row's reader sees; the others are the operator's to tune.
const SETTINGS: &str = "-- schema_settings
SELECT 'setting' AS kind, split_part(c.setting, '=', 1) || ' of ' || coalesce(o.name, 'everybody') || ' in this database' AS name,
    NULL AS parent, jsonb_build_object('value', substr(c.setting, strpos(c.setting, '=') + 1)) AS properties
FROM pg_db_role_setting d
JOIN pg_database b ON b.oid = d.setdatabase AND b.datname = current_database()
CROSS JOIN LATERAL unnest(d.setconfig) AS c (setting)
LEFT JOIN roles o ON o.oid = d.setrole AND d.setrole <> 0
WHERE (c.setting ~* '^(row_security|role|search_path|session_replication_role)='
       OR starts_with(lower(c.setting), $3 /* settings */)) AND c.setting <> 'search_path=public'";
