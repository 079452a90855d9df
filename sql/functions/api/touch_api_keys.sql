-- Notes when keys were used last. Called now and then with what has gathered, and never on the way of a
-- request; of two processes the later time stays. Returns how many it moved.
CREATE OR REPLACE FUNCTION api.touch_api_keys(p_key_ids text[], p_used_at timestamptz[]) RETURNS integer
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_moved integer;
BEGIN
  -- Locked in one order, or two processes could wait for each other.
  PERFORM FROM core.api_key WHERE key_id = ANY (p_key_ids) ORDER BY key_id FOR NO KEY UPDATE;
  UPDATE core.api_key AS k
  SET last_used_at = u.used_at
  FROM (
    SELECT key_id, max(used_at) AS used_at
    FROM unnest(p_key_ids, p_used_at) AS given (key_id, used_at)
    GROUP BY key_id
  ) AS u
  WHERE k.key_id = u.key_id AND (k.last_used_at IS NULL OR k.last_used_at < u.used_at);
  GET DIAGNOSTICS v_moved = ROW_COUNT;
  RETURN v_moved;
END
$$;
