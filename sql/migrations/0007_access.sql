-- Keys of the API. They belong to the installation and not to a customer's rows, since a key is looked up
-- by its hash alone; the secret itself is shown once and stored nowhere.
CREATE TABLE core.api_key (
  key_id       text        NOT NULL,
  -- What people see of the secret: its kind, environment and first characters.
  prefix       text        NOT NULL,
  secret_hash  bytea       NOT NULL,
  key_kind     text        NOT NULL,
  name         text        NOT NULL,
  -- The one customer it acts for; null is any.
  customer_id  text,
  scopes       text[]      NOT NULL,
  -- Decisions under this key are recorded and never enforced.
  observe      boolean     NOT NULL DEFAULT false,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at   timestamptz NOT NULL DEFAULT 'infinity',
  revoked_at   timestamptz,
  last_used_at timestamptz,
  CONSTRAINT api_key_pkey PRIMARY KEY (key_id),
  CONSTRAINT api_key_secret_is_unique UNIQUE (secret_hash),
  CONSTRAINT api_key_kind_is_known CHECK (key_kind IN ('SECRET', 'PUBLISHABLE', 'ADMIN')),
  CONSTRAINT api_key_hash_is_sha256 CHECK (octet_length(secret_hash) = 32)
);

-- Changes of what belongs to no customer: the catalogue and keys. Those of a customer stand in core.change.
CREATE TABLE core.installation_change (
  change_id   uuid        NOT NULL DEFAULT gen_random_uuid(),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind        text        NOT NULL,
  subject     text        NOT NULL,
  before      jsonb,
  after       jsonb,
  actor       text        NOT NULL,
  CONSTRAINT installation_change_pkey PRIMARY KEY (change_id)
);
CREATE INDEX installation_change_in_order ON core.installation_change (recorded_at);
CREATE TRIGGER installation_change_is_immutable BEFORE UPDATE OR DELETE ON core.installation_change
  FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER installation_change_is_kept BEFORE TRUNCATE ON core.installation_change
  FOR EACH STATEMENT EXECUTE FUNCTION core.refuse_change();
