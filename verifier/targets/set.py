"""-j SET: adds the packet to an ipset, removes it, or takes the mark that an ipset holds for it.

Spec: specs/targets/set.md
"""

from __future__ import annotations

from verifier.model.effect import Continue, Unknown
from verifier.model.extension import Option
from verifier.model.listing import listing, piece
from verifier.targets.module import PlainTarget, TargetModule, jump_wording

ARITY = {
    "--add-set": 2, "--del-set": 2, "--map-set": 2, "--timeout": 1, "--exist": 0, "--map-mark": 0, "--map-prio": 0,
    "--map-queue": 0,
}  # fmt: skip


def parse(options: tuple[Option, ...], family: int) -> PlainTarget:  # noqa: ARG001  one signature for all
    """The packet itself goes on unchanged (TS-1), unless its mark comes from the set (TS-2); the set is opaque (TS-3)."""
    if any(option.flag == "--map-mark" for option in options):
        return PlainTarget(Unknown(f"{jump_wording('SET', options)}: the mark comes from a set"), options)
    writes = tuple(option.arguments[0] for option in options if option.flag in ("--add-set", "--del-set"))
    return PlainTarget(Continue(writes), options)


LISTED = listing(
    "",
    *(piece(f"--{word}", f"{word} (\\S+) ([a-z,]+)") for word in ("add-set", "del-set", "map-set")),
    piece("--exist", "exist"),
    piece("--timeout", "timeout ([0-9]+)"),
    piece("--map-mark", "map-mark"),
    piece("--map-prio", "map-prio"),
    piece("--map-queue", "map-queue"),
)
MODULE = TargetModule("SET", "writes to an ipset", arity=ARITY, parse=parse)
