-- Raises of budgets: how much, until when, by whom and why; those in force, whose ended_at is null, and those that have ended, be that
-- booked or not.
CREATE OR REPLACE VIEW report.budget_raises AS
SELECT
  r.customer_id,
  b.budget_id,
  r.raise_no::text AS raise_id,
  r.amount,
  r.until,
  r.raised_by,
  r.reason,
  r.created_at,
  CASE WHEN r.has_ended OR r.until <= (SELECT core.report_clock()) THEN r.until END AS ended_at
FROM core.budget_raise AS r
INNER JOIN core.budget AS b ON b.customer_id = r.customer_id AND b.budget_no = r.budget_no;
