"""Thin gRPC servicers, one file a service: translate, hand over, answer."""
