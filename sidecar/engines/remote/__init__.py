"""What the engines have in common that are other people's image servers: transport, failures, and the way of a job.

Each kind of server has a folder beside this one with its `Connector`; `engine.py` makes an engine of any of them.
"""
