-- The catalogue: small, rarely written, the same for every customer. Customer tables hold no foreign key
-- into it (Citus keeps it as reference tables); tests/sql/test_catalogue.py checks the references instead.
--
-- Rows are immutable per catalog_version: a change adds rows of a new version, and readers take
-- the newest row at or below the version they began with.

CREATE TABLE core.credit_type (
  credit_type      text        NOT NULL,
  name             text        NOT NULL,
  decimals         smallint    NOT NULL DEFAULT 6,
  display_decimals smallint    NOT NULL DEFAULT 2,
  created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT credit_type_pkey PRIMARY KEY (credit_type),
  CONSTRAINT credit_type_id_is_plain CHECK (credit_type ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
  CONSTRAINT credit_type_decimals_fit CHECK (decimals BETWEEN 0 AND 9),
  CONSTRAINT credit_type_shows_no_more_than_it_has CHECK (display_decimals BETWEEN 0 AND decimals)
);

CREATE TABLE core.feature (
  feature_id      text        NOT NULL,
  catalog_version bigint      NOT NULL,
  name            text        NOT NULL,
  feature_type    text        NOT NULL,
  -- Names of what is counted, in the order they are shown.
  quantities      text[]      NOT NULL,
  -- CAP takes a multiple of this of the feature's one quantity.
  step            numeric(38,9) NOT NULL DEFAULT 1,
  -- Names a request may carry; specificity of rates is compared in this order.
  dimensions      text[]      NOT NULL DEFAULT '{}',
  -- Acceptable credit types, best first: the second criterion of the burn order.
  credit_types    text[]      NOT NULL,
  -- quantity name -> the most one request may ask.
  request_limits  jsonb       NOT NULL DEFAULT '{}',
  archived        boolean     NOT NULL DEFAULT false,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT feature_pkey PRIMARY KEY (feature_id, catalog_version),
  CONSTRAINT feature_id_is_plain CHECK (feature_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
  CONSTRAINT feature_type_is_known CHECK (feature_type IN ('BOOLEAN', 'CONFIG', 'METERED')),
  CONSTRAINT feature_step_is_positive CHECK (step > 0 AND step < 1e29),
  CONSTRAINT feature_counts_something CHECK (cardinality(quantities) BETWEEN 1 AND 16),
  CONSTRAINT feature_dimensions_are_few CHECK (cardinality(dimensions) <= 8)
);

CREATE TABLE core.rate (
  feature_id      text          NOT NULL,
  credit_type     text          NOT NULL,
  quantity        text          NOT NULL,
  -- What a request's dimensions must contain; {} matches all.
  dimensions      jsonb         NOT NULL DEFAULT '{}',
  -- One bit per dimension of the feature, the first the highest: the larger number is the more specific rate.
  specificity     integer       NOT NULL,
  effective_from  timestamptz   NOT NULL,
  catalog_version bigint        NOT NULL,
  amount          numeric(38,18) NOT NULL,
  per_units       bigint        NOT NULL DEFAULT 1,
  CONSTRAINT rate_pkey PRIMARY KEY (feature_id, credit_type, quantity, dimensions, effective_from, catalog_version),
  CONSTRAINT rate_is_a_number CHECK (amount >= 0 AND amount < 1e20),
  CONSTRAINT rate_units_are_positive CHECK (per_units > 0)
);

-- The common denominator of several rates, for prices that are exact fractions.
CREATE AGGREGATE core.lcm(numeric) (SFUNC = pg_catalog.lcm, STYPE = numeric, INITCOND = '1');
