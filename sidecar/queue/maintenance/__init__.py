"""Backup, retention and repair of what is stored."""
