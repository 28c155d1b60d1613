"""The ways in. Each translates, calls the application, and translates back."""
