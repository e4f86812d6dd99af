"""How long the kernel's own tools take to load the dumps of a node, in a network namespace of their own."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from benchmarks.measure import Cost, median, once

BACK_ENDS = ("iptables-nft-restore", "iptables-legacy-restore", "iptables-restore")


class NotMeasurableError(Exception):
    """The kernel cannot be asked here; the text says why."""


def load(node: Path, runs: int) -> Cost:
    """Restore ipset-save and iptables-save of a node; NotMeasurableError where that is not to be had."""
    restore = next((tool for tool in BACK_ENDS if shutil.which(tool)), None)
    missing = [name for name, found in (("unshare", shutil.which("unshare")), ("iptables", restore)) if not found]
    sets = node / "ipset-save"
    if sets.exists() and not shutil.which("ipset"):
        missing.append("ipset")
    if missing:
        raise NotMeasurableError(f"not installed: {', '.join(missing)}")
    first = f"ipset restore < '{sets}' && " if sets.exists() else ""
    space = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--user", "--map-root-user"]
    command = [*space, "sh", "-c", f"{first}{restore} < '{node / 'iptables-save'}'"]
    probe = once(command)
    if probe.code != 0:
        last = probe.output.strip().splitlines()[-1:] or ["no message"]
        raise NotMeasurableError(re.sub(r"\s+", " ", last[0])[:100])
    return median(command, runs)
