-- With what terms a grant was made, in the history's place: its own row is written anew with every burn. Null where no grant was made,
-- and for those that were made before this was kept.
ALTER TABLE core.ledger_origin ADD COLUMN terms jsonb;
