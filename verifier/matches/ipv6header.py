"""-m ipv6header: which extension headers an IPv6 packet has, which this model does not have.

Spec: specs/matches/ipv6header.md
"""

from __future__ import annotations

import re

from verifier.matches.module import opaque_module
from verifier.model.listing import listing, piece

HEADERS = {
    "hop-by-hop": 128, "ipv6-opts": 64, "ipv6-route": 32, "ipv6-frag": 16, "ah": 8, "esp": 4, "ipv6-nonxt": 2,
    "protocol": 1,
}  # fmt: skip


def _headers(match: re.Match[str]) -> tuple[str, ...]:
    """The headers by name, of which -n shows the bits."""
    text = match.group(2)
    if not text.startswith("0x"):
        return (text,)
    return (",".join(name for name, bit in HEADERS.items() if int(text, 16) & bit),)


LISTED = listing("ipv6header", piece("--header", "flags:(?P<no>!)?(\\S+)", _headers), piece("--soft", "soft"))
MODULE = opaque_module("ipv6header", "which extension headers an IPv6 packet has", arity={"--header": 1, "--soft": 0})
