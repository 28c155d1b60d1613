"""One interface, several makers of pictures."""
