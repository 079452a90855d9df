-- The digests of a customer's history, one for each row of every table that is sealed, by the operation that seals it.
-- This is the one place that says what is sealed and how: another immutable table is another branch here, and its name in
-- core.seal_offenders.
--
--   p_after, p_up_to  operations after the one and up to the other
--   p_from, p_until   keys were recorded between these: whoever knows spares reading all of the customer's
--
-- A row is digested as sha256 of what record_send makes of its table's name and its columns: the number of columns, and for each its
-- type, its length and its bytes, or -1 for a null. Text and JSON are bytes in UTF-8 as they are stored, enumerations their
-- labels, so no setting of a session and no number of the catalogue has a say. A column that is added later is appended,
-- and only where it is not null (`|| CASE …`, as the terms of grants are): what was sealed before keeps its digest.
--
-- A key that was allowed belongs to its operation. A denial takes no seq, and more of them may come at the same seq as long as
-- no operation follows: it belongs to the next one, since by then all of them are there. Denials after the last
-- operation are sealed with the one to come.
CREATE OR REPLACE FUNCTION core.sealed_rows(
  p_customer_id text, p_after bigint, p_up_to bigint, p_from timestamptz DEFAULT '-infinity', p_until timestamptz DEFAULT 'infinity'
) RETURNS TABLE (seq bigint, table_no integer, place bigint, recorded_at timestamptz, digest bytea)
LANGUAGE plpgsql
STABLE
ROWS 10000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_customer CONSTANT bytea := convert_to(p_customer_id, 'UTF8');
BEGIN
  RETURN QUERY
  SELECT e.seq, 1, e.leg::bigint, e.recorded_at, sha256(record_send(ROW(
           'ledger_entry'::bytea, v_customer, e.seq, e.leg, e.recorded_at, e.effective_at, convert_to(e.kind::text, 'UTF8'), e.grant_no,
           e.from_wallet_no, e.to_wallet_no, convert_to(e.from_account::text, 'UTF8'), convert_to(e.to_account::text, 'UTF8'),
           e.amount, e.from_balance_after, e.to_balance_after)))
  FROM core.ledger_entry AS e
  WHERE e.customer_id = p_customer_id AND e.seq > p_after AND e.seq <= p_up_to;

  RETURN QUERY
  SELECT u.seq, 2, 0::bigint, u.recorded_at, sha256(record_send(ROW(
           'usage_event'::bytea, v_customer, u.seq, u.recorded_at, u.occurred_at, u.catalog_version, convert_to(u.feature_id, 'UTF8'),
           convert_to(u.entity_nos::text, 'UTF8'), convert_to(u.session_id, 'UTF8'), convert_to(u.dimensions::text, 'UTF8'),
           convert_to(u.quantities::text, 'UTF8'), convert_to(u.credits::text, 'UTF8'), convert_to(u.shortfall::text, 'UTF8'),
           convert_to(u.path::text, 'UTF8'), convert_to(u.counters::text, 'UTF8'), convert_to(u.reason, 'UTF8'), u.reservation_no)))
  FROM core.usage_event AS u
  WHERE u.customer_id = p_customer_id AND u.seq > p_after AND u.seq <= p_up_to;

  RETURN QUERY
  SELECT c.seq, 3, 0::bigint, c.recorded_at, sha256(record_send(ROW(
           'change'::bytea, v_customer, c.seq, c.recorded_at, c.effective_at, convert_to(c.kind, 'UTF8'), convert_to(c.subject, 'UTF8'),
           convert_to(c.before::text, 'UTF8'), convert_to(c.after::text, 'UTF8'), convert_to(c.actor, 'UTF8'))))
  FROM core.change AS c
  WHERE c.customer_id = p_customer_id AND c.seq > p_after AND c.seq <= p_up_to;

  RETURN QUERY
  SELECT w.from_seq, 4, w.counter_no::bigint, NULL::timestamptz, sha256(record_send(ROW(
           'counter_window'::bytea, v_customer, w.counter_no, w.from_seq, w.window_start, w.window_end)))
  FROM core.counter_window AS w
  WHERE w.customer_id = p_customer_id AND w.from_seq > p_after AND w.from_seq <= p_up_to;

  RETURN QUERY
  SELECT r.seq, 7, 0::bigint, r.recorded_at, sha256(record_send(ROW(
           'reservation_step'::bytea, v_customer, r.seq, r.recorded_at, r.effective_at, r.reservation_no, r.expires_at,
           convert_to(r.kind, 'UTF8'), convert_to(r.quantities::text, 'UTF8'))))
  FROM core.reservation_step AS r
  WHERE r.customer_id = p_customer_id AND r.seq > p_after AND r.seq <= p_up_to;

  RETURN QUERY
  SELECT o.seq, 8, 0::bigint, NULL::timestamptz, sha256(record_send(ROW(
           'ledger_origin'::bytea, v_customer, o.seq, convert_to(o.actor, 'UTF8'), convert_to(o.source, 'UTF8')))
           || CASE WHEN o.terms IS NULL THEN '' ELSE record_send(ROW(convert_to(o.terms::text, 'UTF8'))) END)
  FROM core.ledger_origin AS o
  WHERE o.customer_id = p_customer_id AND o.seq > p_after AND o.seq <= p_up_to;

  RETURN QUERY
  SELECT v.seq, 9, 0::bigint, v.recorded_at, sha256(record_send(ROW(
           'reversal'::bytea, v_customer, v.seq, v.recorded_at, v.event_seq, v.event_recorded_at, v.first_seq, v.share,
           convert_to(v.quantities::text, 'UTF8'), convert_to(v.credits::text, 'UTF8'), convert_to(v.shortfall::text, 'UTF8'),
           convert_to(v.counters::text, 'UTF8'), convert_to(v.actor, 'UTF8'))))
  FROM core.reversal AS v
  WHERE v.customer_id = p_customer_id AND v.seq > p_after AND v.seq <= p_up_to;

  -- Planned each time: it depends on the instants whether the pages of that time are fewer, or all of the customer's keys.
  RETURN QUERY EXECUTE $keys$
  SELECT s.seq, CASE WHEN i.allowed THEN 5 ELSE 6 END,
         (get_byte(i.key, length(i.key) - 1) + 256 * get_byte(i.key, greatest(length(i.key) - 2, 0)))::bigint, i.recorded_at,
         sha256(record_send(ROW(
           'idempotency'::bytea, $2, i.key_month, i.key, i.seq, i.recorded_at, i.allowed, i.fingerprint, convert_to(i.reason, 'UTF8'),
           convert_to(i.answer::text, 'UTF8'))))
  FROM core.idempotency AS i
  CROSS JOIN LATERAL (SELECT CASE WHEN i.allowed THEN i.seq ELSE i.seq + 1 END) AS s (seq)
  WHERE i.customer_id = $1 AND i.recorded_at >= $3 AND i.recorded_at <= $4 AND s.seq > $5 AND s.seq <= $6
  $keys$ USING p_customer_id, v_customer, p_from, p_until, p_after, p_up_to;
END
$$;
