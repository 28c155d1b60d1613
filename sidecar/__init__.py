"""How it runs: engines that make pictures, jobs that survive, and the gRPC services and command line in front."""
