"""InvokeAI: graphs of its nodes by model family, its queue, its gallery, and its socket for what happens on the way."""
