-- What each entry does to its lot: the one rule of which credits of a grant go where, for all that tells of money.
--
--   lot       the grant; of an entry that returns credits as an adjustment, the one that had paid
--   goes      how much leaves deferred revenue or the wallet; what is reversed comes back, less than 0
--   apart     how much of that is not spent: it expires, is taken back, or moves to another wallet
--   returned  how much that was spent is no longer, and stays gone: void, expired, charged back, or an adjustment
CREATE OR REPLACE VIEW core.entry_effect AS
SELECT
  d.*,
  CASE WHEN d.adjusts THEN
    (SELECT a.from_grant_no FROM core.credit_grant AS a WHERE a.customer_id = d.customer_id AND a.grant_no = d.grant_no)
    ELSE d.grant_no
  END AS lot,
  CASE
    WHEN d.stays OR d.adjusts THEN 0
    WHEN d.is_from_deferred THEN d.amount
    WHEN d.from_account <> 'ISSUED' AND d.is_to_deferred THEN -d.amount
    ELSE 0
  END AS goes,
  CASE WHEN d.is_from_deferred AND NOT d.stays AND d.to_account NOT IN ('CONSUMED', 'OWED') THEN d.amount ELSE 0 END AS apart,
  CASE WHEN d.from_account = 'CONSUMED' AND (d.adjusts OR NOT d.is_to_deferred) THEN d.amount ELSE 0 END AS returned
FROM (
  SELECT
    i.*,
    i.is_from_deferred AND i.is_to_deferred AND i.from_wallet_no = i.to_wallet_no AS stays
  FROM (
    SELECT
      e.*,
      e.from_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') AS is_from_deferred,
      e.to_account IN ('SCHEDULED', 'AVAILABLE', 'HELD', 'LEASED') AS is_to_deferred,
      e.kind::text = 'REVERSAL' AND e.grant_no = e.seq AS adjusts
    FROM core.ledger_entry AS e
  ) AS i
) AS d;
