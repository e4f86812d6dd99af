"""How much is read: bounds that no real snapshot comes near and that hostile input runs into early."""

MAX_FILE = 128 * 1024 * 1024
"""Bytes of one file."""

MAX_TOTAL = 512 * 1024 * 1024
"""Bytes of all files."""

MAX_FILES = 20_000

MAX_LEVELS = 8
"""Folders within folders."""

MAX_LINE = 4 * 1024 * 1024
"""Bytes of one line, as every tool prints them in lines."""

MAX_JSON_LINE = 64 * 1024 * 1024
"""Bytes of one line of JSON, which may be the whole cluster."""

MAX_DEPTH = 100
"""Mappings and lists within each other."""

MAX_ALIASED = 200_000
"""Values that the aliases of a file may stand for in all."""

MAX_RULE_LINES = 2_000_000
"""Lines of one iptables-save."""

SMALLER = "make a snapshot of fewer nodes or fewer objects"
"""The remedy for a snapshot that is too large."""


def smaller(name: str) -> str:
    """The remedy for a file of this name that is too large: a dump cannot be split, documents can."""
    if name.endswith("-save"):
        return "a dump must stay whole: check that the file holds one dump of one node, written with > and not with >>"
    if name.endswith((".yaml", ".yml", ".json")):
        return "split it into several files, and leave out kinds of objects that are not read"
    return SMALLER
