-- The head before a customer's first operation. It names the form of the seals, so that another one cannot be taken for it.
CREATE OR REPLACE FUNCTION core.seal_root(p_customer_id text) RETURNS bytea
LANGUAGE plpgsql
IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN sha256(record_send(ROW('controlplane seal 1'::bytea, convert_to(p_customer_id, 'UTF8'))));
END
$$;
