"""Fooocus behind Fooocus-API: jobs that are asked for, looked at until they are done, and fetched."""
