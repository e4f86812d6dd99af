"""The ports of a rule as matches, one rule of the dump each."""

from __future__ import annotations

from benchmarks.synthetic import Rule


def port_matches(rule: Rule) -> list[str]:
    """One match per range of ports; protocol alone, or nothing, where the rule has none."""
    if not rule.protocol:
        return [""]
    protocol = rule.protocol.lower()
    spans = [f" --dport {first}:{last}" if last > first else f" --dport {first}" for first, last in rule.ports] or [""]
    return [f"-p {protocol} -m {protocol}{span} " if span else f"-p {protocol} " for span in spans]
