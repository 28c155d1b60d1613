"""Between protobuf messages and plain types."""
