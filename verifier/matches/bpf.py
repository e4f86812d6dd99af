"""-m bpf: a program over the packet's bytes, of which this model has only some.

Spec: specs/matches/bpf.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module("bpf", "a program over the packet's bytes", arity={"--bytecode": 1, "--object-pinned": 1})
