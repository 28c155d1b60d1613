"""ComfyUI as an engine: tasks become graphs of its nodes, and an operator's own workflows are models."""
