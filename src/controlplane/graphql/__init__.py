"""The GraphQL door: schema, resolvers and what guards them. Knows no HTTP and no SQL."""
