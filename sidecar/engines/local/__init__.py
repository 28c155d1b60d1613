"""The local engine: diffusers in a child process, so that a crash of the model is not a crash of the server."""
