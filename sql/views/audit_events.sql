-- Who changed what, when: configuration of customers, their grants, and what belongs to the whole installation (catalogue, keys, months,
-- recoveries). What is said of a subject is as it was recorded: entities, wallets and budgets by number, since ids can be erased, and
-- no names; why a budget was raised is as it stands with the raise. Consumptions and reservations are no changes: they stand in usage
-- and on the ledger.
CREATE OR REPLACE VIEW report.audit_events AS
SELECT
  c.customer_id,
  c.seq,
  NULL::uuid AS change_id,
  c.recorded_at,
  coalesce(c.effective_at, c.recorded_at) AS effective_at,
  c.kind,
  CASE WHEN k.subject_type = 'ENTITY' AND c.subject = '0' THEN 'CUSTOMER' ELSE k.subject_type END AS subject_type,
  CASE k.subject_type
    WHEN 'ENTITY' THEN coalesce(e.entity_id, c.customer_id)
    WHEN 'BUDGET' THEN b.budget_id
    WHEN 'WALLET' THEN w.wallet_id
    ELSE c.subject
  END AS subject,
  c.actor,
  c.before,
  CASE WHEN c.kind = 'RAISE' THEN c.after || jsonb_build_object('reason', (
    SELECT r.reason FROM core.budget_raise AS r WHERE r.customer_id = c.customer_id AND r.raise_no = c.seq)) ELSE c.after END AS after
FROM core.change AS c
LEFT JOIN report.audit_event_kinds AS k ON k.kind = c.kind
LEFT JOIN core.entity AS e
  ON e.customer_id = c.customer_id AND e.entity_no = CASE WHEN k.subject_type = 'ENTITY' THEN c.subject::integer END
LEFT JOIN core.budget AS b
  ON b.customer_id = c.customer_id AND b.budget_no = CASE WHEN k.subject_type = 'BUDGET' THEN c.subject::integer END
LEFT JOIN core.wallet AS w
  ON w.customer_id = c.customer_id AND w.wallet_no = CASE WHEN k.subject_type = 'WALLET' THEN c.subject::integer END
UNION ALL
SELECT
  a.customer_id,
  NULL,
  i.change_id,
  i.recorded_at,
  i.recorded_at,
  i.kind,
  k.subject_type,
  i.subject,
  i.actor,
  i.before,
  i.after
FROM core.installation_change AS i
LEFT JOIN report.audit_event_kinds AS k ON k.kind = i.kind
-- A key that is bound to a customer is that customer's.
LEFT JOIN core.api_key AS a ON a.key_id = i.subject AND i.kind = 'API_KEY';
