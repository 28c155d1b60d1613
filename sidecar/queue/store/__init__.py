"""The job database: tables, and every statement that reads or changes them."""
