-- The roles of one installation. Roles belong to the whole cluster, hence the prefix.
--
-- Run by the migration runner when one of them is missing and its login may create roles (a superuser, or a
-- login with CREATEROLE). Otherwise an administrator runs what `controlplane migrate --print-roles` prints.
-- Every statement may run again, and two databases of one cluster may run it at the same time.

DO $roles$
DECLARE
    v_wanted CONSTANT jsonb := '[
        {"role": "{{prefix}}_owner",   "attributes": "NOLOGIN"},
        {"role": "{{prefix}}_app",     "attributes": "LOGIN"},
        {"role": "{{prefix}}_worker",  "attributes": "LOGIN"},
        {"role": "{{prefix}}_analyst", "attributes": "LOGIN"},
        {"role": "{{prefix}}_tenant",  "attributes": "NOLOGIN"},
        {"role": "{{prefix}}_query",   "attributes": "LOGIN"},
        {"role": "{{prefix}}_finance", "attributes": "LOGIN"},
        {"role": "{{prefix}}_auditor", "attributes": "LOGIN"}
    ]';
    v_role text;
    v_attributes text;
BEGIN
    FOR v_role, v_attributes IN
        SELECT wanted ->> 'role', wanted ->> 'attributes' FROM jsonb_array_elements(v_wanted) AS wanted
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_role);
        BEGIN
            EXECUTE format('CREATE ROLE %I %s', v_role, v_attributes);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database of the cluster was faster
        END;
    END LOOP;
END
$roles$;

-- Whoever migrates must be able to become the owner, and may serve as the others. Since PostgreSQL 16 the
-- creator of a role may administer it but not become it, unless he grants himself that too.
DO $grant$
DECLARE
    v_role name;
BEGIN
    FOR v_role IN
        SELECT rolname FROM pg_catalog.pg_roles
        WHERE rolname = ANY (ARRAY[
            '{{prefix}}_owner', '{{prefix}}_app', '{{prefix}}_worker', '{{prefix}}_analyst',
            '{{prefix}}_tenant', '{{prefix}}_query', '{{prefix}}_finance', '{{prefix}}_auditor'
        ])
        AND NOT pg_catalog.pg_has_role(current_user, oid, 'SET')
    LOOP
        EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', v_role, current_user);
    END LOOP;
END
$grant$;

-- The owner makes the schemas, so it needs to create in this database.
DO $database$
BEGIN
    IF NOT pg_catalog.has_database_privilege('{{prefix}}_owner', current_database(), 'CREATE') THEN
        EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO %I', current_database(), '{{prefix}}_owner');
    END IF;
END
$database$;
