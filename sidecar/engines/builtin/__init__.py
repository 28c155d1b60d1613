"""Work on pictures that needs no model, done in child processes: reading what strangers send, edits, thumbnails."""
