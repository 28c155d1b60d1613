"""What may be asked of viwo-imagegen: tasks, methods, capability parameters and policy. No transport, no model."""
