-- What closing a month would take, and what speaks against it; nothing is changed.
--
-- Returns {month, state (OPEN, CLOSING, CLOSED), closedUntil, errors [{field, code, message}], customers, toBook (customers
-- for whom something was due in it), toOpen (customers without an opening of the month after it), events, entries (of usage and of the ledger, recorded in it)}.
CREATE OR REPLACE FUNCTION api.read_closing(p_month date) RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  v_begins_at timestamptz := p_month::timestamp AT TIME ZONE 'UTC';
  v_ends_at timestamptz := (p_month + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
  RETURN (
    SELECT jsonb_build_object(
      'month', p_month,
      'state', CASE WHEN v_ends_at <= i.closed_until THEN 'CLOSED' WHEN v_ends_at <= i.open_from THEN 'CLOSING' ELSE 'OPEN' END,
      'closedUntil', i.closed_until, 'errors', core.closing_faults(p_month),
      'customers', (SELECT count(*) FROM core.customer WHERE created_at < v_ends_at),
      'toBook', (SELECT count(*) FROM core.gate WHERE next_due_at < v_ends_at),
      'toOpen', (SELECT count(*) FROM core.customer AS c WHERE c.created_at < v_ends_at AND NOT EXISTS (
        SELECT FROM core.customer_month AS m WHERE m.customer_id = c.customer_id AND m.month = (p_month + interval '1 month')::date)),
      'events', (SELECT count(*) FROM core.usage_event WHERE recorded_at >= v_begins_at AND recorded_at < v_ends_at),
      'entries', (SELECT count(*) FROM core.ledger_entry WHERE recorded_at >= v_begins_at AND recorded_at < v_ends_at))
    FROM core.installation AS i);
END
$$;
