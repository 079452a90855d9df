"""Everything that speaks to Postgres: the embedded server, pools, migrations, typed calls."""
