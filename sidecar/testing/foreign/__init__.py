"""Fakes of the image servers that engines connect to, each a process of its own on loopback, with the real one's quirks."""
