"""Z3's own answers for a script, text in and text out."""

from __future__ import annotations

import z3


def solved(text: str) -> list[str]:
    """What it prints: sat or unsat per query, or words of an error."""
    context = z3.Context()
    return str(z3.Z3_eval_smtlib2_string(context.ref(), text)).split()
