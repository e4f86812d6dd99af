"""A small program that checks proofs of SMT-LIB scripts by itself: it needs nothing else of this project, nor a solver."""
