"""`python -m sidecar.cli`, the same as `viwo-imagegen`."""

from sidecar.cli import app

app()
