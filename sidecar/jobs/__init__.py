"""Work that is accepted, queued, run once, and remembered: whatever is killed when."""
