"""What Felix writes, release by release, from our notes on its dialects: a second opinion, independent of the verifier."""
