-- Where a customer's chain of seals ends, to be kept outside of this database: whoever can rewrite history and its seals as well
-- cannot rewrite that (api.verify_seals takes it).
--
-- Returns {customerId, seq of the last operation sealed, 0 if none is; head, in hexadecimal digits; incarnation}. Raises UC101 for a customer that does not exist.
CREATE OR REPLACE FUNCTION api.seal_head(p_customer_id text) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_last core.seal;
BEGIN
  IF NOT EXISTS (SELECT FROM core.gate WHERE customer_id = p_customer_id) THEN
    PERFORM core.refuse_faults(core.fault('customerId', 'NOT_FOUND', format('there is no customer %s', p_customer_id)));
  END IF;
  SELECT * INTO v_last FROM core.seal WHERE customer_id = p_customer_id ORDER BY from_seq DESC LIMIT 1;
  RETURN jsonb_build_object(
    'customerId', p_customer_id, 'seq', coalesce(v_last.to_seq, 0)::text,
    'head', encode(coalesce(v_last.head, core.seal_root(p_customer_id)), 'hex'),
    'incarnation', (SELECT incarnation FROM core.installation));
END
$$;
