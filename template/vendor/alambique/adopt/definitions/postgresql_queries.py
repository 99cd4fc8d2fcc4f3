"""What the catalogs of PostgreSQL are asked. Under `pg_catalog` alone, names are said whole."""

USER_SCHEMA = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"

EXTENSION_MEMBERS = """
    SELECT classid::regclass::text, objid, refobjid
    FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
"""

# What is a part of something else: whoever needs the one needs the other.
WITHIN = """
    SELECT 'pg_attrdef', oid, 'pg_class', adrelid
    FROM pg_attrdef

    UNION ALL
    SELECT 'pg_rewrite', oid, 'pg_class', ev_class
    FROM pg_rewrite
    WHERE rulename = '_RETURN'

    UNION ALL
    SELECT 'pg_type', t.oid, 'pg_class', typrelid
    FROM pg_type t
    JOIN pg_class c ON c.oid = typrelid
    WHERE relkind <> 'c'

    UNION ALL
    SELECT 'pg_class', c.oid, 'pg_type', reltype
    FROM pg_class c
    WHERE relkind = 'c'

    UNION ALL
    SELECT 'pg_type', typarray, 'pg_type', oid
    FROM pg_type
    WHERE typarray <> 0

    UNION ALL
    SELECT 'pg_constraint', oid, 'pg_type', contypid
    FROM pg_constraint
    WHERE contypid <> 0

    UNION ALL
    SELECT 'pg_class', conindid, 'pg_constraint', oid
    FROM pg_constraint
    WHERE contype IN ('p', 'u', 'x')

    UNION ALL
    SELECT 'pg_constraint', c.oid, 'pg_class', conrelid
    FROM pg_constraint c
    WHERE contype = 'n'

    UNION ALL
    SELECT classid::regclass::text, objid, refclassid::regclass::text, refobjid
    FROM pg_depend
    WHERE deptype = 'i' AND (classid, refclassid) IN (
        ('pg_type'::regclass, 'pg_type'::regclass), ('pg_proc'::regclass, 'pg_type'::regclass)
    )
"""

# A sequence is made before the column that owns it.
DEPENDENCIES = """
    SELECT DISTINCT classid::regclass::text, objid, refclassid::regclass::text, refobjid
    FROM pg_depend d
    WHERE deptype IN ('n', 'a', 'i', 'P', 'S')
        AND objid >= 16384
        AND NOT (
            deptype IN ('a', 'i') AND classid = 'pg_class'::regclass AND EXISTS (
                SELECT FROM pg_class c WHERE c.oid = objid AND relkind = 'S'
            )
        )
"""

EXTENSIONS = """
    SELECT e.oid, quote_ident(extname) AS name, quote_ident(nspname) AS nspname, nspname AS schema
    FROM pg_extension e
    JOIN pg_namespace n ON n.oid = extnamespace
    WHERE extname <> 'plpgsql'
"""

COLLATIONS = """
    SELECT
        'pg_collation' AS catalog,
        c.oid,
        'COLLATION' AS kind,
        nspname AS schema,
        format('%I.%I', nspname, collname) AS identity,
        format(
            'CREATE COLLATION %I.%I (provider = %s, locale = %L%s)',
            nspname,
            collname,
            CASE collprovider WHEN 'i' THEN 'icu' ELSE 'libc' END,
            coalesce(
                to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale', collcollate::text
            ),
            CASE WHEN NOT collisdeterministic THEN ', deterministic = false' END
        ) AS definition
    FROM pg_collation c
    JOIN pg_namespace n ON n.oid = collnamespace
    WHERE c.oid >= 16384
"""

TYPES = """
    SELECT
        'pg_type' AS catalog,
        t.oid,
        CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END AS kind,
        nspname AS schema,
        format('%I.%I', nspname, typname) AS identity,
        CASE typtype
            WHEN 'e' THEN format('CREATE TYPE %I.%I AS ENUM (%s)', nspname, typname, (
                SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                FROM pg_enum
                WHERE enumtypid = t.oid
            ))
            WHEN 'c' THEN format('CREATE TYPE %I.%I AS (%s)', nspname, typname, (
                SELECT string_agg(
                    format('%I %s', attname, format_type(atttypid, atttypmod))
                    || CASE WHEN attcollation <> (
                        SELECT typcollation FROM pg_type WHERE oid = atttypid
                    ) THEN ' COLLATE ' || attcollation::regcollation ELSE '' END,
                    ', ' ORDER BY attnum
                )
                FROM pg_attribute
                WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped
            ))
            WHEN 'd' THEN concat(
                format(
                    'CREATE DOMAIN %I.%I AS %s',
                    nspname, typname, format_type(typbasetype, typtypmod)
                ),
                CASE WHEN typcollation <> (
                    SELECT b.typcollation FROM pg_type b WHERE b.oid = t.typbasetype
                ) THEN ' COLLATE ' || typcollation::regcollation END,
                ' DEFAULT ' || pg_get_expr(typdefaultbin, 'pg_type'::regclass),
                CASE WHEN typnotnull THEN ' NOT NULL' END,
                (
                    SELECT string_agg(
                        format(' CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)),
                        '' ORDER BY conname
                    )
                    FROM pg_constraint
                    WHERE contypid = t.oid AND contype = 'c'
                )
            )
            WHEN 'r' THEN (
                SELECT concat(
                    format(
                        'CREATE TYPE %I.%I AS RANGE (subtype = %s',
                        n.nspname, typname, format_type(rngsubtype, NULL)
                    ),
                    CASE WHEN NOT opcdefault THEN
                        format(', subtype_opclass = %I.%I', o.nspname, opcname)
                    END,
                    CASE WHEN rngcollation <> 0 AND rngcollation <> (
                        SELECT typcollation FROM pg_type WHERE oid = rngsubtype
                    ) THEN ', collation = ' || rngcollation::regcollation END,
                    CASE WHEN rngsubdiff <> 0 THEN ', subtype_diff = ' || rngsubdiff END,
                    ', multirange_type_name = ' || (to_jsonb(r) ->> 'rngmultitypid')::oid::regtype,
                    ')'
                )
                FROM pg_range r
                JOIN pg_opclass ON pg_opclass.oid = rngsubopc
                JOIN pg_namespace o ON o.oid = opcnamespace
                WHERE rngtypid = t.oid
            )
        END AS definition
    FROM pg_type t
    JOIN pg_namespace n ON n.oid = typnamespace
    WHERE t.oid >= 16384
        AND (typtype IN ('d', 'e', 'r') OR typtype = 'b' AND typcategory <> 'A' OR EXISTS (
            SELECT FROM pg_class c WHERE c.oid = typrelid AND relkind = 'c'
        ))
"""

DICTIONARIES = """
    SELECT
        'pg_ts_dict' AS catalog,
        d.oid,
        'TEXT SEARCH DICTIONARY' AS kind,
        n.nspname AS schema,
        format('%I.%I', n.nspname, dictname) AS identity,
        format(
            'CREATE TEXT SEARCH DICTIONARY %I.%I (TEMPLATE = %I.%I%s)',
            n.nspname, dictname, tn.nspname, tmplname, ', ' || dictinitoption
        ) AS definition
    FROM pg_ts_dict d
    JOIN pg_namespace n ON n.oid = dictnamespace
    JOIN pg_ts_template t ON t.oid = dicttemplate
    JOIN pg_namespace tn ON tn.oid = tmplnamespace
    WHERE d.oid >= 16384
"""

CONFIGURATIONS = """
    SELECT
        'pg_ts_config' AS catalog,
        c.oid,
        'TEXT SEARCH CONFIGURATION' AS kind,
        n.nspname AS schema,
        format('%I.%I', n.nspname, cfgname) AS identity,
        format(
            'CREATE TEXT SEARCH CONFIGURATION %I.%I (PARSER = %I.%I)',
            n.nspname, cfgname, pn.nspname, prsname
        ) AS definition
    FROM pg_ts_config c
    JOIN pg_namespace n ON n.oid = cfgnamespace
    JOIN pg_ts_parser p ON p.oid = cfgparser
    JOIN pg_namespace pn ON pn.oid = prsnamespace
    WHERE c.oid >= 16384
"""

ROUTINES = """
    SELECT
        'pg_proc' AS catalog,
        p.oid,
        CASE prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS kind,
        nspname AS schema,
        p.oid::regprocedure::text AS identity,
        rtrim(pg_get_functiondef(p.oid), E'\\n') AS definition
    FROM pg_proc p
    JOIN pg_namespace n ON n.oid = pronamespace
    WHERE p.oid >= 16384 AND prokind IN ('f', 'p', 'w')
        AND NOT EXISTS (  -- a range brings its own
            SELECT FROM pg_depend
            WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'i'
        )
"""

AGGREGATES = """
    SELECT
        'pg_proc' AS catalog,
        p.oid,
        'AGGREGATE' AS kind,
        nspname AS schema,
        p.oid::regprocedure::text AS identity,
        CASE WHEN aggkind = 'n' AND aggmtransfn = 0 THEN concat(
            format('CREATE AGGREGATE %I.%I(', nspname, proname),
            pg_get_function_identity_arguments(p.oid),
            format(
                ') (SFUNC = %s, STYPE = %s',
                aggtransfn, format_type(aggtranstype, NULL)
            ),
            CASE WHEN aggfinalfn <> 0 THEN ', FINALFUNC = ' || aggfinalfn END,
            CASE WHEN aggfinalextra THEN ', FINALFUNC_EXTRA' END,
            CASE WHEN aggcombinefn <> 0 THEN ', COMBINEFUNC = ' || aggcombinefn END,
            ', INITCOND = ' || quote_literal(agginitval),
            CASE WHEN aggsortop <> 0 THEN
                ', SORTOP = ' || (
                    SELECT format('OPERATOR(%I.%s)', o.nspname, oprname)
                    FROM pg_operator
                    JOIN pg_namespace o ON o.oid = oprnamespace
                    WHERE pg_operator.oid = aggsortop
                )
            END,
            CASE proparallel
                WHEN 's' THEN ', PARALLEL = SAFE'
                WHEN 'r' THEN ', PARALLEL = RESTRICTED'
            END,
            ')'
        ) END AS definition
    FROM pg_aggregate
    JOIN pg_proc p ON p.oid = aggfnoid
    JOIN pg_namespace n ON n.oid = pronamespace
    WHERE p.oid >= 16384
"""

OPERATORS = """
    SELECT
        'pg_operator' AS catalog,
        o.oid,
        'OPERATOR' AS kind,
        nspname AS schema,
        o.oid::regoperator::text AS identity,
        CASE WHEN oprcode <> 0 THEN concat(
            format('CREATE OPERATOR %I.%s (FUNCTION = %s', nspname, oprname, oprcode),
            CASE WHEN oprleft <> 0 THEN ', LEFTARG = ' || format_type(oprleft, NULL) END,
            CASE WHEN oprright <> 0 THEN ', RIGHTARG = ' || format_type(oprright, NULL) END,
            CASE WHEN oprcom <> 0 THEN ', COMMUTATOR = ' || (
                SELECT format('OPERATOR(%s.%s)', oprnamespace::regnamespace, oprname)
                FROM pg_operator
                WHERE oid = o.oprcom
            ) END,
            CASE WHEN oprnegate <> 0 THEN ', NEGATOR = ' || (
                SELECT format('OPERATOR(%s.%s)', oprnamespace::regnamespace, oprname)
                FROM pg_operator
                WHERE oid = o.oprnegate
            ) END,
            CASE WHEN oprrest <> 0 THEN ', RESTRICT = ' || oprrest END,
            CASE WHEN oprjoin <> 0 THEN ', JOIN = ' || oprjoin END,
            CASE WHEN oprcanhash THEN ', HASHES' END,
            CASE WHEN oprcanmerge THEN ', MERGES' END,
            ')'
        ) END AS definition
    FROM pg_operator o
    JOIN pg_namespace n ON n.oid = oprnamespace
    WHERE o.oid >= 16384
"""

TABLES = f"""
    SELECT
        c.oid,
        nspname,
        relname,
        relispartition AS is_partition,
        format('%I.%I', nspname, relname) AS identity,
        CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END AS before,
        concat(
            CASE WHEN NOT relispartition THEN (
                SELECT ' INHERITS (' || string_agg(
                    inhparent::regclass::text, ', ' ORDER BY inhseqno
                ) || ')'
                FROM pg_inherits
                WHERE inhrelid = c.oid
            ) END,
            CASE WHEN relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) END,
            ' WITH (' || array_to_string(reloptions, ', ') || ')'
        ) AS after
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND relpersistence <> 't' AND {USER_SCHEMA}
"""

IDENTITY = """
    CASE attidentity WHEN 'a' THEN 'GENERATED ALWAYS' WHEN 'd' THEN 'GENERATED BY DEFAULT' END
    || (
        SELECT format(
            ' AS IDENTITY (SEQUENCE NAME %s START WITH %s INCREMENT BY %s'
            ' MINVALUE %s MAXVALUE %s CACHE %s%s)',
            seqrelid::regclass, seqstart, seqincrement, seqmin, seqmax, seqcache,
            CASE WHEN seqcycle THEN ' CYCLE' END
        )
        FROM pg_depend
        JOIN pg_sequence ON seqrelid = objid
        WHERE classid = 'pg_class'::regclass AND deptype = 'i'
            AND refclassid = 'pg_class'::regclass
            AND refobjid = attrelid AND refobjsubid = attnum
    )
"""

COLUMNS = f"""
    SELECT
        attrelid,
        quote_ident(attname) AS name,
        format_type(atttypid, atttypmod) AS type,
        CASE WHEN attcollation <> typcollation THEN attcollation::regcollation::text END
            AS collation,
        CASE WHEN attgenerated <> '' THEN pg_get_expr(adbin, adrelid) END AS generated,
        CASE WHEN attgenerated = '' THEN pg_get_expr(adbin, adrelid) END AS default,
        {IDENTITY} AS identity,
        attnotnull,
        attislocal AS is_local
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = attrelid
    JOIN pg_namespace n ON n.oid = relnamespace
    JOIN pg_type t ON t.oid = atttypid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p') AND {USER_SCHEMA}
    ORDER BY attrelid, attnum
"""

SEQUENCES = f"""
    SELECT
        'pg_class' AS catalog,
        c.oid,
        'SEQUENCE' AS kind,
        nspname AS schema,
        format('%I.%I', nspname, relname) AS identity,
        format(
            'CREATE %sSEQUENCE %I.%I AS %s START WITH %s INCREMENT BY %s'
            ' MINVALUE %s MAXVALUE %s CACHE %s%s',
            CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' END, nspname, relname,
            format_type(seqtypid, NULL), seqstart, seqincrement, seqmin, seqmax, seqcache,
            CASE WHEN seqcycle THEN ' CYCLE' END
        ) AS definition
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = relnamespace
    JOIN pg_sequence ON seqrelid = c.oid
    WHERE relpersistence <> 't' AND {USER_SCHEMA}
        AND NOT EXISTS (
            SELECT FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'i'
        )
"""

OWNED_BY = """
    SELECT
        'OWNED BY' AS kind,
        'pg_class' AS catalog,
        refobjid AS oid,
        objid AS other,
        s.oid::regclass::text AS identity,
        format(
            'ALTER SEQUENCE %s OWNED BY %s.%I', s.oid::regclass, refobjid::regclass, attname
        ) AS definition
    FROM pg_depend
    JOIN pg_class s ON s.oid = objid AND relkind = 'S'
    JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
    WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype = 'a'
"""

VIEWS = f"""
    SELECT
        'pg_class' AS catalog,
        c.oid,
        CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END AS kind,
        nspname AS schema,
        format('%I.%I', nspname, relname) AS identity,
        format(
            'CREATE %s %I.%I%s AS%s%s',
            CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END,
            nspname,
            relname,
            ' WITH (' || array_to_string(reloptions, ', ') || ')',
            E'\\n' || rtrim(pg_get_viewdef(c.oid), ';'),
            CASE WHEN NOT relispopulated THEN E'\\nWITH NO DATA' END
        ) AS definition
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('v', 'm') AND relpersistence <> 't' AND {USER_SCHEMA}
"""

CONSTRAINTS = """
    SELECT
        'pg_constraint' AS catalog,
        c.oid,
        contype,
        conrelid AS relation,
        conrelid::regclass::text AS owner,
        quote_ident(conname) AS name,
        pg_get_constraintdef(c.oid) AS definition
    FROM pg_constraint c
    JOIN pg_class t ON t.oid = conrelid
    WHERE contype IN ('c', 'f', 'p', 'u', 'x')
        AND (conislocal OR relispartition)
        AND (contype <> 'f' OR conparentid = 0)
"""

INDEXES = """
    SELECT
        'pg_class' AS catalog,
        indexrelid AS oid,
        'INDEX' AS kind,
        indrelid AS relation,
        indexrelid::regclass::text AS identity,
        pg_get_indexdef(indexrelid) AS definition
    FROM pg_index
    WHERE NOT EXISTS (
        SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x')
    )
"""

STATISTICS = """
    SELECT
        'pg_statistic_ext' AS catalog,
        oid,
        'STATISTICS' AS kind,
        stxrelid AS relation,
        format('%I.%I', stxnamespace::regnamespace::text, stxname) AS identity,
        pg_get_statisticsobjdef(oid) AS definition
    FROM pg_statistic_ext
"""

RULES = """
    SELECT
        'pg_rewrite' AS catalog,
        oid,
        'RULE' AS kind,
        ev_class AS relation,
        format('%I ON %s', rulename, ev_class::regclass) AS identity,
        rtrim(pg_get_ruledef(oid), ';') AS definition
    FROM pg_rewrite
    WHERE rulename <> '_RETURN'
"""

TRIGGERS = """
    SELECT
        'pg_trigger' AS catalog,
        oid,
        'TRIGGER' AS kind,
        tgrelid AS relation,
        format('%I ON %s', tgname, tgrelid::regclass) AS identity,
        pg_get_triggerdef(oid) AS definition
    FROM pg_trigger t
    WHERE NOT tgisinternal AND coalesce((to_jsonb(t) ->> 'tgparentid')::oid, 0) = 0
"""

POLICIES = """
    SELECT
        'pg_policy' AS catalog,
        oid,
        'POLICY' AS kind,
        polrelid AS relation,
        format('%I ON %s', polname, polrelid::regclass) AS identity,
        concat(
            format('CREATE POLICY %I ON %s', polname, polrelid::regclass),
            CASE WHEN NOT polpermissive THEN ' AS RESTRICTIVE' END,
            CASE polcmd
                WHEN 'r' THEN ' FOR SELECT'
                WHEN 'a' THEN ' FOR INSERT'
                WHEN 'w' THEN ' FOR UPDATE'
                WHEN 'd' THEN ' FOR DELETE'
            END,
            CASE WHEN polroles <> '{0}' THEN ' TO ' || (
                SELECT string_agg(quote_ident(rolname), ', ' ORDER BY rolname)
                FROM pg_roles
                WHERE oid = ANY (polroles)
            ) END,
            ' USING (' || pg_get_expr(polqual, polrelid) || ')',
            ' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')'
        ) AS definition
    FROM pg_policy
"""

PARTITIONS = """
    SELECT
        'PARTITION' AS kind,
        'pg_class' AS catalog,
        c.oid,
        inhparent AS other,
        c.oid::regclass::text AS identity,
        format(
            'ALTER TABLE ONLY %s ATTACH PARTITION %s %s',
            inhparent::regclass, c.oid::regclass, pg_get_expr(relpartbound, c.oid)
        ) AS definition
    FROM pg_class c
    JOIN pg_inherits ON inhrelid = c.oid
    WHERE relispartition AND relkind IN ('r', 'p')
"""

# What is set of something that is there, each by a statement of its own.
SETTINGS = """
    SELECT 'SETTING' AS kind, catalog, oid, NULL::oid AS other, definition AS identity, definition
    FROM (
        SELECT 'pg_class' AS catalog, attrelid AS oid, format(
            'ALTER TABLE ONLY %s ALTER COLUMN %I SET STORAGE %s', attrelid::regclass, attname,
            CASE attstorage
                WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
                WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED'
            END
        ) AS definition
        FROM pg_attribute
        JOIN pg_type t ON t.oid = atttypid
        JOIN pg_class c ON c.oid = attrelid
        WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p') AND attstorage <> typstorage

        UNION ALL
        SELECT 'pg_class', attrelid, format(
            'ALTER TABLE ONLY %s ALTER COLUMN %I SET COMPRESSION %s', attrelid::regclass, attname,
            CASE to_jsonb(a) ->> 'attcompression' WHEN 'l' THEN 'lz4' ELSE 'pglz' END
        )
        FROM pg_attribute a
        WHERE attnum > 0 AND NOT attisdropped
            AND to_jsonb(a) ->> 'attcompression' IN ('l', 'p')

        UNION ALL
        SELECT 'pg_class', attrelid, CASE WHEN relkind = 'i'
            THEN format(
                'ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s',
                attrelid::regclass, attnum, attstattarget
            )
            ELSE format(
                'ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS %s',
                attrelid::regclass, attname, attstattarget
            )
        END
        FROM pg_attribute
        JOIN pg_class c ON c.oid = attrelid
        WHERE attnum > 0 AND NOT attisdropped AND attstattarget >= 0
            AND relkind IN ('r', 'p', 'i')

        UNION ALL
        SELECT 'pg_class', attrelid, format(
            'ALTER TABLE ONLY %s ALTER COLUMN %I SET (%s)', attrelid::regclass, attname, option
        )
        FROM pg_attribute
        JOIN pg_class c ON c.oid = attrelid
        CROSS JOIN LATERAL unnest(attoptions) AS option
        WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p')
            AND option LIKE 'n_distinct%'

        UNION ALL
        SELECT 'pg_class', adrelid, format(
            'ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', adrelid::regclass, attname,
            pg_get_expr(adbin, adrelid)
        )
        FROM pg_attrdef
        JOIN pg_class c ON c.oid = adrelid AND relkind = 'v'
        JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum

        UNION ALL
        SELECT 'pg_class', attrelid, format(
            'ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', attrelid::regclass, attname,
            pg_get_expr(adbin, adrelid)
        )
        FROM pg_attribute
        JOIN pg_class c ON c.oid = attrelid AND relkind = 'r' AND NOT relispartition
        JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE NOT attislocal AND attgenerated = ''

        UNION ALL
        SELECT 'pg_class', oid, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', oid::regclass)
        FROM pg_class
        WHERE relrowsecurity

        UNION ALL
        SELECT 'pg_class', oid, format(
            'ALTER TABLE ONLY %s FORCE ROW LEVEL SECURITY', oid::regclass
        )
        FROM pg_class
        WHERE relforcerowsecurity

        UNION ALL
        SELECT 'pg_class', oid, format(
            'ALTER TABLE ONLY %s REPLICA IDENTITY %s', oid::regclass,
            CASE relreplident WHEN 'n' THEN 'NOTHING' ELSE 'FULL' END
        )
        FROM pg_class
        WHERE relreplident IN ('n', 'f') AND relkind IN ('r', 'p') AND oid >= 16384

        UNION ALL
        SELECT 'pg_class', indexrelid, format(
            'ALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX %I', indrelid::regclass, relname
        )
        FROM pg_index
        JOIN pg_class c ON c.oid = indexrelid
        WHERE indisreplident

        UNION ALL
        SELECT 'pg_class', indexrelid, format(
            'ALTER TABLE %s CLUSTER ON %I', indrelid::regclass, relname
        )
        FROM pg_index
        JOIN pg_class c ON c.oid = indexrelid
        WHERE indisclustered

        UNION ALL
        SELECT 'pg_statistic_ext', oid, format(
            'ALTER STATISTICS %I.%I SET STATISTICS %s',
            stxnamespace::regnamespace::text, stxname, stxstattarget
        )
        FROM pg_statistic_ext
        WHERE stxstattarget >= 0

        UNION ALL
        SELECT 'pg_trigger', oid, format(
            'ALTER TABLE %s %s TRIGGER %I', tgrelid::regclass,
            CASE tgenabled
                WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA'
            END,
            tgname
        )
        FROM pg_trigger
        WHERE NOT tgisinternal AND tgenabled <> 'O'

        UNION ALL
        SELECT 'pg_rewrite', oid, format(
            'ALTER TABLE %s %s RULE %I', ev_class::regclass,
            CASE ev_enabled
                WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA'
            END,
            rulename
        )
        FROM pg_rewrite
        WHERE rulename <> '_RETURN' AND ev_enabled <> 'O'
    ) AS x
"""

MAPPINGS = """
    SELECT
        'SETTING' AS kind,
        'pg_ts_config' AS catalog,
        c.oid,
        NULL::oid AS other,
        format('%I.%I %s', nspname, cfgname, alias) AS identity,
        format(
            'ALTER TEXT SEARCH CONFIGURATION %I.%I ADD MAPPING FOR %s WITH %s',
            nspname, cfgname, alias,
            string_agg(mapdict::regdictionary::text, ', ' ORDER BY mapseqno)
        ) AS definition
    FROM pg_ts_config c
    JOIN pg_namespace n ON n.oid = cfgnamespace
    JOIN pg_ts_config_map ON mapcfg = c.oid
    JOIN LATERAL ts_token_type(cfgparser) ON tokid = maptokentype
    WHERE c.oid >= 16384
    GROUP BY c.oid, nspname, cfgname, alias
"""

COMMENTS = """
    SELECT
        'COMMENT' AS kind,
        classoid::regclass::text AS catalog,
        objoid AS oid,
        NULL::oid AS other,
        concat(type, ' ', said) AS identity,
        format('COMMENT ON %s %s IS %L', type, said, description) AS definition
    FROM (
        SELECT
            classoid,
            objoid,
            description,
            CASE
                WHEN objsubid > 0 THEN 'COLUMN'
                WHEN i.type IN ('table constraint', 'domain constraint') THEN 'CONSTRAINT'
                WHEN i.type = 'statistics object' THEN 'STATISTICS'
                WHEN i.type = 'composite type' THEN 'TYPE'
                ELSE upper(i.type)
            END AS type,
            CASE i.type
                WHEN 'domain constraint' THEN replace(identity, ' on ', ' on DOMAIN ')
                ELSE identity
            END AS said
        FROM pg_description
        CROSS JOIN LATERAL pg_identify_object(classoid, objoid, objsubid) AS i
        WHERE objoid >= 16384
            AND classoid NOT IN ('pg_extension'::regclass, 'pg_namespace'::regclass)

        UNION ALL
        SELECT 'pg_extension'::regclass, e.oid, description, 'EXTENSION', quote_ident(extname)
        FROM pg_description
        JOIN pg_extension e ON classoid = 'pg_extension'::regclass AND objoid = e.oid
        JOIN pg_available_extensions a ON a.name = extname
        WHERE description IS DISTINCT FROM a.comment
    ) AS x
"""

# What is only said to be there.
OTHERS = """
    SELECT
        classid::regclass::text AS catalog,
        objid AS oid,
        upper(type) AS kind,
        schema,
        identity,
        NULL AS definition
    FROM (
        SELECT 'pg_class'::regclass AS classid, oid AS objid
        FROM pg_class
        WHERE relkind = 'f'

        UNION ALL
        SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
        UNION ALL
        SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily
        UNION ALL
        SELECT 'pg_cast'::regclass, oid FROM pg_cast
        UNION ALL
        SELECT 'pg_language'::regclass, oid FROM pg_language
        UNION ALL
        SELECT 'pg_conversion'::regclass, oid FROM pg_conversion
        UNION ALL
        SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
        UNION ALL
        SELECT 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
        UNION ALL
        SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
        UNION ALL
        SELECT 'pg_publication'::regclass, oid FROM pg_publication
        UNION ALL
        SELECT 'pg_ts_parser'::regclass, oid FROM pg_ts_parser
        UNION ALL
        SELECT 'pg_ts_template'::regclass, oid FROM pg_ts_template
    ) AS x
    CROSS JOIN LATERAL pg_identify_object(classid, objid, 0)
    WHERE objid >= 16384
        AND NOT EXISTS (  -- a part of something else
            SELECT FROM pg_depend d
            WHERE d.classid = x.classid AND d.objid = x.objid AND deptype = 'i'
        )

    UNION ALL
    SELECT 'pg_description', n.oid, 'COMMENT', nspname, 'ON SCHEMA ' || quote_ident(nspname), NULL
    FROM pg_description
    JOIN pg_namespace n ON n.oid = objoid AND classoid = 'pg_namespace'::regclass
    WHERE n.oid >= 16384 AND description !~ '^Made by revision ' AND nspname <> 'public'
"""
