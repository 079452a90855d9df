"""The HTTP server: endpoint, sockets, keys, health, metrics."""
