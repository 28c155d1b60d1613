"""An engine that chooses a drawing for a prompt and colours it: nothing is generated, and nothing but libvips is needed."""
