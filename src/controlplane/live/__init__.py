"""Live state: who watches a customer is told when it changes. Knows no GraphQL and no SQL."""
