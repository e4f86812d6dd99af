"""-m time: the time of day and the date, which no field of the packet tells.

Spec: specs/matches/time.md
"""

from __future__ import annotations

from verifier.matches.module import opaque_module

MODULE = opaque_module(
    "time",
    "the time of day and the date",
    arity={
        "--datestart": 1,
        "--datestop": 1,
        "--timestart": 1,
        "--timestop": 1,
        "--monthdays": 1,
        "--weekdays": 1,
        "--kerneltz": 0,
        "--contiguous": 0,
        "--utc": 0,
        "--localtz": 0,
    },
)
