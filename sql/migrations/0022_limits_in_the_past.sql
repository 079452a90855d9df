-- Which overdraft limit a wallet had at some place of its history stands in the changes that named wallets. They are few among the
-- changes of a customer with many entities, each of which is a change.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX change_of_wallets ON core.change (customer_id, seq) WHERE after -> 'wallets' <> '[]';
