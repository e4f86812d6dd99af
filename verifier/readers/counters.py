"""Rules of one table with their counters, from a listing or from a dump with counters.

Spec: specs/questions/explain.md
"""

from __future__ import annotations

import re

from verifier.model.origin import InputError, Origin
from verifier.model.ruleset import Ruleset
from verifier.model.snapshot import InputFile
from verifier.readers.iptables_save import BUILT_IN, read_ruleset
from verifier.readers.listing import is_listing, read_listing
from verifier.readers.tree import read_text

OF_IPV6 = re.compile(r"\bip6tables\b|(?<=\s)!?::/0(?=\s)")


def read_counted(path: str, family: int, table: str) -> tuple[Ruleset, InputFile]:
    """The chains of one table that a file shows; `family` 0 and `table` "" stand for what the file itself tells.

    Raises InputError where the file is neither a listing nor a dump, or does not show the table.
    """
    text, read = read_text(path)
    if not text.strip():
        raise InputError(Origin(path), "the file is empty", "write the output of `iptables -nvxL` into it")
    if table and table not in BUILT_IN:
        raise InputError(Origin(table), "there is no such table", f"choose one of {', '.join(BUILT_IN)}")
    family = family or (6 if OF_IPV6.search(text) else 4)
    if is_listing(text):
        found = read_listing(text, path, family, table, gaps=False)
    else:
        found = read_ruleset(text, path, family)
    tables = dict.fromkeys(key[0] for key in found.chains)
    wanted = table or ("filter" if "filter" in tables else next(iter(tables), ""))
    chains = {key: chain for key, chain in found.chains.items() if key[0] == wanted}
    if not chains:
        shown = ", ".join(tables) or "no table"
        raise InputError(
            Origin(path), f"table {wanted} is not shown, only {shown}", "list that table, or choose --table"
        )
    return Ruleset(family, chains, path), read
