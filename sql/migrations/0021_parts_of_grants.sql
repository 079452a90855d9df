-- What was made of a grant, by a transfer or a reversal, is found from it: a chargeback follows its payment there. Consumption writes neither column.
-- (Nothing is deployed that making it would hold up.)
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX credit_grant_made_of ON core.credit_grant (customer_id, from_grant_no) WHERE from_grant_no IS NOT NULL;
