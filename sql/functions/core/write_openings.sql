-- Writes how a month begins for the next customers that have no opening of it, in the order of their ids; returns for how
-- many, and fewer than asked for means that these were the last. The caller holds the month's row.
--
-- It takes no gate: nothing can be recorded before the month any more (core.pass_horizon), so what it reads is what it is.
-- Who was made since needs no opening.
CREATE OR REPLACE FUNCTION core.write_openings(p_month date, p_limit integer) RETURNS integer
LANGUAGE plpgsql
VOLATILE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  v_begins_at timestamptz := p_month::timestamp AT TIME ZONE 'UTC';
  v_opened_to text := (SELECT opened_to FROM core.month WHERE month = p_month);
  v_customers text[];
  v_seqs bigint[];
BEGIN
  SELECT array_agg(n.customer_id ORDER BY n.customer_id), array_agg(core.seq_at(n.customer_id, v_begins_at - interval '1 microsecond') ORDER BY n.customer_id)
  INTO v_customers, v_seqs
  FROM (SELECT c.customer_id FROM core.customer AS c
        WHERE c.created_at < v_begins_at AND (v_opened_to IS NULL OR c.customer_id > v_opened_to) ORDER BY c.customer_id LIMIT p_limit) AS n;
  IF v_customers IS NULL THEN
    RETURN 0;
  END IF;
  INSERT INTO core.opening (customer_id, month, wallet_no, account, balance, last_seq)
  SELECT b.customer_id, p_month, b.wallet_no, b.account, b.balance, b.last_seq FROM core.balances_after(v_customers, v_seqs) AS b;
  INSERT INTO core.opening_grant (customer_id, month, grant_no, gone)
  SELECT g.customer_id, p_month, g.grant_no, g.gone FROM core.grants_gone(v_customers, v_seqs, v_begins_at) AS g WHERE g.gone < g.amount;
  INSERT INTO core.customer_month (customer_id, month, last_seq)
  SELECT c.customer_id, p_month, c.seq FROM unnest(v_customers, v_seqs) AS c (customer_id, seq);
  UPDATE core.month SET opened_to = v_customers[cardinality(v_customers)] WHERE month = p_month;
  RETURN cardinality(v_customers);
END
$$;
