"""What a user asked `verify` for, checked and in terms of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from verifier.model.assumption import Setting, defaults
from verifier.model.path import Path
from verifier.model.replay import Backend

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as (what is being done, how many are done, how many in all); total 0 where the end is not known."""


def silent(_text: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Which questions to ask and how.

    `nodes`, `pods` ("namespace/name"), `paths` and `families` select; an empty selection stands for everything.
    `strict` switches the profile's deviations off. `settings` has every assumption. `compiler` is a profile's name, ""
    where the dump is to tell. `initial_mark_any` quantifies over the mark with which a packet enters. `bits` states
    every atom over plain header bits. `timeout` is seconds for the whole run, None for no limit. `replay` asks the kernel
    about each finding, with these `backends`; none stands for the one that wrote the dump. `for_all` asks for every
    cluster with the same policies and the same pods on the node.
    """

    nodes: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    families: tuple[int, ...] = ()
    strict: bool = False
    settings: Mapping[str, Setting] = field(default_factory=defaults)
    compiler: str = ""
    initial_mark_any: bool = False
    bits: bool = False
    timeout: float | None = None
    replay: bool = False
    backends: tuple[Backend, ...] = ()
    for_all: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """One packet to explain: ends as "namespace/pod" or an address, a protocol, and the destination port.

    `port` is 0 where the protocol has none; `icmp` is type * 256 + code. `node` "" stands for every node that judges
    the packet, `family` 0 for the one that both ends have (IPv4 first). `compiler` as in VerifyOptions.
    """

    source: str
    destination: str
    protocol: int
    port: int = 0
    icmp: int = 0
    node: str = ""
    family: int = 0
    compiler: str = ""
    settings: Mapping[str, Setting] = field(default_factory=defaults)


@dataclass(frozen=True, slots=True)
class Readings:
    """Counters to explain: two files, and what else is known.

    `snapshot`, `table`, `node` and `compiler` "" and `family` 0 stand for what the files themselves tell.
    """

    before: str
    after: str
    snapshot: str = ""
    table: str = ""
    family: int = 0
    node: str = ""
    compiler: str = ""


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What to replay: the packet of `probe`, or all that `selected` leaves.

    Those are the findings (of `findings`, by id, where any are named), or with `all_classes` one packet of each class
    that rules or policies can tell apart. The back ends are those of `selected`.
    """

    selected: VerifyOptions
    probe: Probe | None = None
    all_classes: bool = False
    findings: tuple[str, ...] = ()
