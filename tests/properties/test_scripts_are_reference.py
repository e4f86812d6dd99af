"""The scripts of the evidence say of every packet what the reference says: accepted, asked, excused, and whether it exists."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as File

import pytest

from tests.corpus_path import ROOT, corpus
from verifier.compilers import recognise
from verifier.evidence.bundle.packets import values
from verifier.evidence.bundle.writer import write
from verifier.evidence.checker.meaning import Meaning
from verifier.evidence.checker.nodes import FALSE, TRUE
from verifier.evidence.checker.operators import value_word
from verifier.evidence.checker.script import read_script
from verifier.evidence.checker.terms import Value
from verifier.model.assumption import ASSUMPTIONS, SERVICE_HAIRPIN, Setting
from verifier.model.bundle import Plan
from verifier.model.effect import Verdict
from verifier.model.fields import ADDRESS_BITS, ICMP, ICMPV6, TCP, ConnState
from verifier.model.finding import Answer, Kind, Question
from verifier.model.node import NodeState
from verifier.model.options import VerifyOptions
from verifier.model.packet import FREE_INTERFACE, Packet
from verifier.model.path import Path
from verifier.questions.bundle import plan_of
from verifier.readers.snapshot import read_snapshot
from verifier.reference.bridges import behind_uplink, crossing
from verifier.reference.chains import walk
from verifier.reference.specification import excused, expectation
from verifier.reference.view import View, view_of
from verifier.semantics.services import ICMP_KNOWN, ICMP_NEW, NEVER_TRACKED, feasible_new_flags, valid_flags

PACKETS = 4000 if os.environ.get("CHAINPROOF_FUZZ") == "long" else 250
WORLDS = ["first-proof", "kube-router-seed"]
RECORDED = [("azure", "features"), ("calico", "features-dual"), ("kube-router", "features-dual"), ("weave", "features")]
PROTOCOLS = (6, 6, 17, 132, 1, 58, 47, 4, 136)
PORTS = (0, 22, 53, 80, 81, 443, 4789, 5000, 5432, 8000, 8010, 8011, 8080, 9090, 32768, 65535)
DEFINED = re.compile(r"^\(define-fun (\S+) \((.*)\) Bool$", re.MULTILINE)
QUERY = re.compile(r"^\(push 1\)\n(?:.*\n)*?\(check-sat\)\n\(pop 1\)$", re.MULTILINE)
ASKED = ("accepted", "must-pass", "must-not-pass", "excused-leak", "excused-blocked")


@dataclass(frozen=True, slots=True)
class World:
    """One family of a node under some settings, with its script ready to be evaluated."""

    plan: Plan
    node: NodeState
    view: View
    family: int
    script: str
    names: tuple[str, ...]
    constants: tuple[str, ...]
    queries: tuple[tuple[object, ...], ...]
    meaning: Meaning

    def holds(self, packet: Packet, path: Path) -> dict[str, bool | None]:
        """What every definition says of a packet; None where that hangs on what nothing tells."""
        given: dict[int, Value] = {}
        for name, word in values(packet, path, self.plan).items():
            if name in self.constants:
                term = value_word(word, 0)
                assert term is not None
                assert isinstance(term.payload, int | tuple)
                given[self.constants.index(name)] = term.payload
        found = {}
        for name, terms in zip(self.names, self.queries, strict=True):
            literal = self.meaning.under(given, terms)  # type: ignore[arg-type]
            found[name] = {TRUE: True, FALSE: False}.get(literal)
        return found


def made(folder: File, seed: random.Random, family: int) -> World:
    """The world of a snapshot's only node, under settings drawn at random, as if everything had been proved."""
    snapshot = read_snapshot(str(folder))
    (node,) = snapshot.nodes
    profile = recognise(node)
    settings = {each.name: seed.choice(tuple(Setting)) for each in ASSUMPTIONS}
    options = VerifyOptions(settings={**settings, SERVICE_HAIRPIN: Setting.ANY})
    pods = [pod.full_name for pod in snapshot.cluster.pods if pod.node == node.name and pod.has_traffic]
    questions = [Question(pod, path, family, Answer.PROVED) for pod in pods for path in Path]
    plan = plan_of(snapshot, node, profile, options, family, questions, ())
    view = view_of(node, snapshot.cluster, profile.bridge(node))
    text = write(plan, node, snapshot.cluster, view, "").text
    wanted = {f"{path.value}/{name}" for path in Path for name in ASKED} | {"possible"}
    parameters = {name: re.findall(r"\((\S+) \(", given) for name, given in DEFINED.findall(text) if name in wanted}
    calls = {name: f"({name} {' '.join(given)})" if given else name for name, given in parameters.items()}
    asked = "".join(f"(push 1)\n(assert {call})\n(check-sat)\n(pop 1)\n" for call in calls.values())
    script = read_script(QUERY.sub("", text) + asked)
    return World(
        plan, node, view, family, text, tuple(calls), tuple(script.constants),
        tuple(query.assertions for query in script.queries), Meaning(list(script.constants.values())),
    )  # fmt: skip


def drawn(world: World, seed: random.Random) -> tuple[Packet, Path]:
    """A packet of some path, its fields drawn at random."""
    view, family = world.view, world.family
    pods = {pod.address: pod.interface for pod in world.plan.pods}
    own = [value for version, value in view.types.own if version == family and not _inner(value, family)]
    path = seed.choice(tuple(Path))
    ends = {
        "pod": lambda: seed.choice(list(pods)),
        "node": lambda: seed.choice(own),
        "remote": lambda: _remote(world, seed),
    }
    first, second = path.value.split("-to-")
    source = ends[first]()
    destination = ends[second]()
    while destination == source:
        destination = ends[second]()
    wires = [name for wire in world.plan.wires for name in wire.interfaces if not wire.bridge]

    def interface(kind: str, address: int) -> str:
        if kind == "node":
            return ""
        if kind == "pod":
            return pods[address] or FREE_INTERFACE
        inside = view.bridge is not None and behind_uplink(family, address, view)
        return view.bridge.interface if inside and view.bridge else seed.choice(wires)

    packet = Packet(
        family=family,
        source=source,
        destination=destination,
        protocol=seed.choice(PROTOCOLS),
        source_port=seed.choice(PORTS),
        destination_port=seed.choice(PORTS),
        icmp=seed.choice((0, 3, 8, 13, 128, 129, 135, 139)) << 8 | seed.choice((0, 1, 4)),
        tcp_flags=seed.choice((2, 16, 18, 17, 4, 20, 24, 34, 66, seed.randrange(256))),
        state=seed.choice((ConnState.NEW, ConnState.NEW, *ConnState)),
        ct_status=seed.choice((0, 0, 0, 1, 2, 3)),
        in_interface=interface(first, source),
        out_interface=interface(second, destination),
    )
    return crossing(packet, path, view), path


def _remote(world: World, seed: random.Random) -> int:
    """An address of some pod elsewhere, near one, or any that is not here and is forwarded."""
    pods = [value for version, value in world.view.pods if version == world.family]
    blocks = [first for member in _blocks(world.script) for first in (member, member + 1, member - 1)]
    here = {value for version, value in (*world.view.local, *world.view.types.own) if version == world.family}
    bits = ADDRESS_BITS[world.family]
    while True:
        address = seed.choice([*pods, *blocks, seed.getrandbits(bits)]) & (1 << bits) - 1
        if address not in here and not _inner(address, world.family):
            return address


def _inner(address: int, family: int) -> bool:
    """Whether no forwarded packet has the address (U-30), or it is not tried."""
    top = address >> (ADDRESS_BITS[family] - 8)
    return address < 2 or (top in (127, *range(224, 240), 255) if family == 4 else top in (0xFE, 0xFF))


def _blocks(script: str) -> list[int]:
    """Addresses that the script compares with."""
    return [int(word, 16) for word in re.findall(r"\(= (?:src|dst|a) #x([0-9a-f]{8,})\)", script)[:50]]


def exists(packet: Packet, *, translation_known: bool) -> bool:
    """Whether there is such a packet (U-20 to U-26, NAT-4)."""
    state, kind = packet.state, packet.icmp >> 8
    if state is ConnState.UNTRACKED:
        return packet.ct_status == 0
    if state is ConnState.RELATED and kind in NEVER_TRACKED.get(packet.protocol, ()):
        return False
    if state is ConnState.INVALID:
        return packet.ct_status == 0 and packet.protocol in (6, 17, 136, 132, 1, 58)
    fits = feasible_new_flags if state is ConnState.NEW else valid_flags
    if packet.protocol == TCP and not fits(packet.tcp_flags):
        return False
    known = ICMP_NEW if state is ConnState.NEW else ICMP_KNOWN
    if packet.protocol in (ICMP, ICMPV6) and state is not ConnState.RELATED and kind not in known[packet.protocol]:
        return False
    return state is not ConnState.NEW or packet.ct_status == 0 or not translation_known


def differences(world: World, packet: Packet, path: Path) -> Iterator[str]:
    """What the script and the reference say differently of a packet."""
    said = world.holds(packet, path)
    trace = walk(packet, path, world.node, world.view)
    verdict = None if trace.verdict is None else trace.verdict is Verdict.ACCEPT
    if said[f"{path.value}/accepted"] is not verdict:
        yield f"accepted: {said[f'{path.value}/accepted']}, the reference {verdict}"
    must = expectation(packet, path, world.view, world.plan.settings).must
    asked = said[f"{path.value}/must-pass"], said[f"{path.value}/must-not-pass"]
    if asked != (must is Verdict.ACCEPT, must is Verdict.DROP):
        yield f"must pass, must not pass: {asked}, the reference {must}"
    for kind in Kind:
        names = excused(packet, path, kind, world.plan.deviations, world.view)
        if said[f"{path.value}/excused-{kind.value}"] is not bool(names):
            yield f"excused {kind.value}: {said[f'{path.value}/excused-{kind.value}']}, the reference {names}"
    if said["possible"] is not exists(packet, translation_known=world.plan.translation_known):
        yield f"possible: {said['possible']}"


def compare(folder: File, family: int, name: str) -> None:
    seed = random.Random(f"{name} {family}")
    for _ in range(4):
        world = made(folder, seed, family)
        for _ in range(PACKETS // 4):
            packet, path = drawn(world, seed)
            found = list(differences(world, packet, path))
            settings = {key: setting.value for key, setting in world.plan.settings.items()}
            assert not found, f"{path.value} {packet}\n{settings}\n" + "\n".join(found)


@pytest.mark.parametrize("name", WORLDS)
def test_an_example(name: str) -> None:
    """Random packets under random settings."""
    compare(ROOT / "examples" / name, 4, name)


@pytest.mark.parametrize(("compiler", "scenario"), RECORDED)
def test_a_recorded_node(compiler: str, scenario: str) -> None:
    """Random packets under random settings, both families where there are two."""
    folder = corpus(compiler, scenario)
    for family in (4, 6) if scenario.endswith("dual") else (4,):
        compare(folder, family, f"{compiler} {scenario}")
