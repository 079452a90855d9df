-- Who may do what, on one page. Applied whenever anything changed; everything is taken back first, so that
-- what does not stand here is not granted.

DO $back$
DECLARE
    v_roles CONSTANT text := 'PUBLIC, {{prefix}}_app, {{prefix}}_worker, {{prefix}}_analyst, {{prefix}}_tenant,'
        ' {{prefix}}_query, {{prefix}}_finance, {{prefix}}_auditor';
    v_kind text;
BEGIN
    FOREACH v_kind IN ARRAY '{SCHEMA,ALL TABLES IN SCHEMA,ALL SEQUENCES IN SCHEMA,ALL ROUTINES IN SCHEMA}'::text[]
    LOOP
        -- With what was passed on.
        EXECUTE format('REVOKE ALL ON %s core, api, report FROM %s CASCADE', v_kind, v_roles);
    END LOOP;
END
$back$;

-- The application and the worker call api.* and touch no table.
GRANT USAGE ON SCHEMA api TO {{prefix}}_app, {{prefix}}_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA api TO {{prefix}}_app, {{prefix}}_worker;

-- People read report.*.
GRANT USAGE ON SCHEMA report TO
    {{prefix}}_analyst, {{prefix}}_tenant, {{prefix}}_query, {{prefix}}_finance, {{prefix}}_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA report TO {{prefix}}_analyst, {{prefix}}_finance, {{prefix}}_auditor;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA report TO {{prefix}}_analyst, {{prefix}}_finance, {{prefix}}_auditor;
-- What those views call, they call with the rights of whoever reads them; none of these tells more than the views do.
GRANT EXECUTE ON FUNCTION
    core.report_clock(), core.report_wallet_dues(text), core.report_grant_dues(text, timestamptz),
    core.lot_ends(text, bigint, bigint, timestamptz), core.grant_status(core.credit_grant, numeric, numeric, timestamptz)
TO {{prefix}}_analyst, {{prefix}}_finance, {{prefix}}_auditor;

-- Everybody may ask what the schema is; code does so before it serves.
GRANT USAGE ON SCHEMA core TO
    {{prefix}}_app, {{prefix}}_worker, {{prefix}}_analyst, {{prefix}}_finance, {{prefix}}_auditor;
GRANT SELECT ON core.schema_state, core.schema_migration, core.schema_file TO
    {{prefix}}_app, {{prefix}}_worker, {{prefix}}_analyst, {{prefix}}_finance, {{prefix}}_auditor;
