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

SMALLER = "make a snapshot of fewer objects, or split the file"
"""The remedy for what is too large."""
