"""Trains the icon model in `models/icons`; see README.md in this folder for the commands in order."""
