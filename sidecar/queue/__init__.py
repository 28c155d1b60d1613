"""Jobs from their submission to their end: written down, run by turns, tried again, charged, told of."""
