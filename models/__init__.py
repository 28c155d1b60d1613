"""The image model that ships with viwo-imagegen, and the code that trained it."""
