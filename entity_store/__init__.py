"""Where pictures live in a viwo world: its database, its image entities and their verbs, and the files behind them."""
