-- Which rule of a budget was in force at which seq: a row for each span in which neither its rule nor its raises changed. Every
-- operation of the customer from from_seq to to_seq (null: until now) was judged by it, and by the window its counter was in.
--
-- A raise that has ended counts no more from its `until` on; its end is booked before the next operation that is recorded, so no
-- usage event stands between the two. Until it is booked its span has no from_seq.
CREATE OR REPLACE VIEW report.budget_versions AS
SELECT
  v.customer_id,
  b.budget_id,
  v.version,
  v.from_seq,
  lead(v.from_seq) OVER later - 1 AS to_seq,
  v.changed_at AS in_force_from,
  lead(v.changed_at) OVER later AS in_force_until,
  r.mode,
  r.amount_limit AS base_limit,
  v.raised,
  r.amount_limit + v.raised AS limit_in_force,
  r.is_active,
  r.archived_at,
  r.advice,
  e.entity_id,
  b.subject_kind AS subject,
  b.each_type,
  b.measure,
  b.credit_type,
  b.feature_id,
  b.quantity,
  b.dimensions,
  b.budget_window,
  b.anchor_at,
  b.time_zone,
  v.kind AS changed_by,
  v.actor,
  coalesce(r.thresholds, '{}') AS thresholds
FROM (
  SELECT
    c.customer_id,
    c.subject::integer AS budget_no,
    c.seq AS from_seq,
    c.kind,
    c.actor,
    row_number() OVER so_far AS place,
    -- Never before what was recorded earlier, though it may have been due then.
    max(c.changed_at) OVER so_far AS changed_at,
    -- The rule is that of the last change of the budget itself; raises add up.
    max(CASE WHEN c.kind = 'BUDGET' THEN c.seq END) OVER so_far AS ruled_at,
    count(*) FILTER (WHERE c.kind = 'BUDGET') OVER so_far AS version,
    sum(CASE c.kind WHEN 'RAISE' THEN c.amount WHEN 'RAISE_ENDED' THEN -c.amount ELSE 0 END) OVER so_far AS raised
  FROM (
    SELECT
      h.customer_id,
      h.subject,
      h.seq,
      coalesce(h.effective_at, h.recorded_at) AS changed_at,
      NULL::bigint AS raise_no,
      h.kind,
      h.actor,
      (h.after ->> 'amount')::numeric AS amount
    FROM core.change AS h
    WHERE h.kind IN ('BUDGET', 'RAISE', 'RAISE_ENDED')
    UNION ALL
    SELECT
      r.customer_id,
      r.budget_no::text,
      NULL,
      r.until,
      r.raise_no,
      'RAISE_ENDED',
      'clock',
      r.amount
    FROM core.budget_raise AS r
    WHERE NOT r.has_ended AND r.until <= (SELECT core.report_clock())
  ) AS c
  WINDOW so_far AS (PARTITION BY c.customer_id, c.subject ORDER BY c.seq, c.changed_at, c.raise_no)
) AS v
INNER JOIN core.change AS d ON d.customer_id = v.customer_id AND d.seq = v.ruled_at
CROSS JOIN LATERAL jsonb_to_record(d.after)
  AS r (mode text, amount_limit numeric, is_active boolean, archived_at timestamptz, advice jsonb, thresholds numeric [])
INNER JOIN core.budget AS b ON b.customer_id = v.customer_id AND b.budget_no = v.budget_no
LEFT JOIN core.entity AS e ON e.customer_id = b.customer_id AND e.entity_no = b.entity_no
WINDOW later AS (PARTITION BY v.customer_id, v.budget_no ORDER BY v.place);
