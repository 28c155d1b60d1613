"""Folders, files, pictures, archives, documents, rows and messages that somebody made to do harm, tried on a running server."""

from benchmarks.hostile.run import hostile

__all__ = ["hostile"]
