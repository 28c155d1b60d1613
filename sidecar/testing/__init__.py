"""What tests and benchmarks share: small models that are built in seconds, fakes of our own interfaces, servers to talk to."""
