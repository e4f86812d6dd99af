"""What the profile of a node's compiler says, held against a profile block."""

from __future__ import annotations

from verifier.compilers import recognise
from verifier.model.cluster import Cluster
from verifier.model.node import NodeState


def check_profile(text: str, node: NodeState, cluster: Cluster) -> list[str]:
    """What differs from the block, [] where nothing does."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines, "a profile block says something"
    return [f"{line!r}: {fault}" for line in lines if (fault := _fault(line, node, cluster))]


def _fault(line: str, node: NodeState, cluster: Cluster) -> str:
    """What the profile says instead, "" where it says the same."""
    words = line.split()
    wanted = words[0] != "not"
    if not wanted:
        words = words[1:]
    holds, told = _judged(words, node, cluster)
    return "" if holds is wanted else f"the profile says {told!r}"


def _judged(words: list[str], node: NodeState, cluster: Cluster) -> tuple[bool, object]:
    """(whether what the words say holds, what the profile says of the subject)."""
    profile = recognise(node)
    kind, rest = words[0], " ".join(words[2:])
    told: object
    match kind:
        case "compiler":
            return profile.name == words[1], profile.name
        case "interface":
            pod = next((pod for pod in cluster.pods if pod.full_name == words[1]), None)
            told = profile.pod_interface(node, pod) if pod else "nothing of such a pod"
            return told == rest, told
        case "prefixes":
            told = profile.pod_interfaces(node)
            return told == tuple(words[1:]), told
        case "chain":
            told = profile.chain_names(node, cluster).get(words[1]) or profile.explain_chain(node, words[1])
            return told == rest, told
        case "mark":
            bits = {bit.mask: bit.meaning for bit in profile.mark_bits(node)}
            return bits.get(int(words[1], 0)) == rest, {hex(mask): meaning for mask, meaning in bits.items()}
        case "set":
            told = {name: ideal.meaning for name, ideal in profile.ideal_sets(node, cluster).items()}
            return told.get(words[1], "") == rest, told
        case "own":
            return profile.own_chain(words[1], words[2]), profile.own_chain(words[1], words[2])
        case "deviation":
            names = {deviation.name for deviation in profile.deviations(node)}
            return words[1] in names, sorted(names)
        case "note":
            notes = profile.notes(node, cluster)
            return any(" ".join(words[1:]) in note for note in notes), notes
    raise ValueError(f"a profile block has a line that begins with {kind!r}")
