"""The gRPC surface: thin servicers, one file a service."""
