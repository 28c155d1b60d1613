"""The use cases, each once, for every surface: plain types in and out."""
