"""The obvious second meaning: one packet, plain loops, nothing shared with the encoder."""
