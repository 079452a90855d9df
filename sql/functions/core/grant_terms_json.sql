-- The terms of a grant that may change, for the history of changes; core.grant_terms reads them there. Instants are in UTC, so
-- that the same terms are the same text whoever asks.
CREATE OR REPLACE FUNCTION core.grant_terms_json(p_grant core.credit_grant) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
SET "TimeZone" = 'UTC'
AS $$
BEGIN
  RETURN jsonb_build_object(
    'priority', p_grant.priority, 'effectiveAt', p_grant.effective_at,
    'expiresAt', CASE WHEN p_grant.expires_at < 'infinity' THEN p_grant.expires_at END, 'isPending', p_grant.is_pending);
END
$$;
