"""The bundle of evidence: what was asked, as SMT-LIB 2 over plain header bits, written from the model alone."""
