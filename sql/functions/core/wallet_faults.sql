-- What is wrong with the wallets that a customer or an entity shall have, [{walletId, creditType!, overdraftLimit}].
--
--   p_entity_no  whose they are; NULL for an entity that is about to be made
--   p_owner      its id, or 'customer': wallets without an id of their own are named after it
CREATE OR REPLACE FUNCTION core.wallet_faults(p_customer_id text, p_entity_no integer, p_owner text, p_wallets jsonb) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF jsonb_typeof(p_wallets) IS DISTINCT FROM 'array' THEN
    RETURN '[]';
  END IF;
  RETURN coalesce((
    SELECT jsonb_agg(fault ORDER BY n)
    FROM (
      SELECT w.n, jsonb_array_elements(
        CASE WHEN t.credit_type IS NOT NULL THEN '[]'
          ELSE core.fault(format('wallets[%s].creditType', w.n), 'NOT_FOUND', format('there is no credit type %s', w.type)) END
        || CASE WHEN own.wallet_id <> w.id
          THEN core.fault(format('wallets[%s].walletId', w.n), 'IMMUTABLE', format('is %s: there is one wallet per credit type', own.wallet_id))
          WHEN own.wallet_id IS NULL AND other.wallet_id IS NOT NULL
          THEN core.fault(format('wallets[%s].walletId', w.n), 'DUPLICATE', 'is the id of another wallet') ELSE '[]' END
        || CASE WHEN w.overdraft < own.owed
          THEN core.fault(format('wallets[%s].overdraftLimit', w.n), 'BELOW_OWED', format('must not be below what is owed, %s', trim_scale(own.owed)))
          ELSE core.unit_faults(w.overdraft::text, w.type, format('wallets[%s].overdraftLimit', w.n)) END
      ) AS fault
      FROM (
        SELECT e.n - 1 AS n, e.wallet ->> 'creditType' AS type, (e.wallet ->> 'overdraftLimit')::numeric AS overdraft,
               e.wallet ->> 'walletId' AS id, coalesce(e.wallet ->> 'walletId', p_owner || ':' || (e.wallet ->> 'creditType')) AS id_then
        FROM jsonb_array_elements(p_wallets) WITH ORDINALITY AS e (wallet, n)
      ) AS w
      LEFT JOIN core.credit_type AS t ON t.credit_type = w.type
      LEFT JOIN core.wallet AS own ON own.customer_id = p_customer_id AND own.entity_no = p_entity_no AND own.credit_type = w.type
      LEFT JOIN core.wallet AS other ON other.customer_id = p_customer_id AND other.wallet_id = w.id_then
    ) AS told
  ), '[]');
END
$$;
