"""The scripts of the evidence as a judge: the packet as values of a script's constants, followed by the checker alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.judges import ChainJudgement, Judge
from verifier.evidence.bundle.interfaces import Interfaces
from verifier.evidence.bundle.marks import DROPPED
from verifier.evidence.bundle.terms import Term, conj, negation, number
from verifier.evidence.bundle.writer import Way, Writer
from verifier.evidence.checker.meaning import Meaning
from verifier.evidence.checker.nodes import FALSE, TRUE
from verifier.evidence.checker.operators import value_word
from verifier.evidence.checker.script import read_script
from verifier.evidence.checker.terms import Value
from verifier.model.assumption import Presence, defaults, presences
from verifier.model.bundle import Known, Plan, Port, WirePlace
from verifier.model.cluster import Cluster
from verifier.model.effect import Translate, Verdict
from verifier.model.fields import ADDRESS_BITS, POLICED_PROTOCOLS, ConnState, CtStatus, Field
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import Path
from verifier.model.policy import Direction
from verifier.model.ruleset import Ruleset
from verifier.model.selection import speak_of_every_protocol
from verifier.reference.policies import perhaps, surely
from verifier.reference.view import view_of


def _plan(packet: Packet, translates: bool) -> Plan:
    """A plan that knows of the packet's interfaces and ports, and of nothing else."""
    coming, going = (Port(Known.NAME, name) for name in (packet.phys_in, packet.phys_out))
    wires = WirePlace((packet.in_interface, packet.out_interface), coming), WirePlace((), going)
    return Plan(packet.family, (), wires, (), (), defaults(), (), translation_known=False, translates=translates)


class _Case:
    """One packet before one script."""

    def __init__(self, packet: Packet, node: NodeState, cluster: Cluster) -> None:
        ruleset = node.rulesets.get(packet.family, Ruleset(packet.family))
        node = NodeState(node.name, {packet.family: ruleset}, node.sets, node.addresses, node.interfaces, node.routes)
        self.plan = _plan(packet, ruleset.translates)
        self.writer = Writer(self.plan, node, cluster, view_of(node, cluster), "")
        self._packet = packet

    def start(self) -> Term:
        """A traversal that begins with the marks of the packet."""
        shape = self.writer.layout
        low = len(shape.bits[Field.MARK])
        kept = shape.packed(Field.CONNMARK, self._packet.connmark) << low | shape.packed(Field.MARK, self._packet.mark)
        return number(kept, shape.width)

    def possible(self, terms: Mapping[str, Term]) -> dict[str, bool | None]:
        """Whether each term holds for the packet; None where that hangs on what nothing tells."""
        text = self.writer.text()
        queries = [f"(push 1)\n(assert {term.text})\n(check-sat)\n(pop 1)\n" for term in terms.values()]
        script = read_script(text + "".join(queries))
        given: dict[int, Value] = {}
        for place, name in enumerate(script.constants):
            if name in (values := self._values()):
                value = value_word(values[name].text, 0)
                assert value is not None
                payload = value.payload
                assert isinstance(payload, int | tuple)
                given[place] = payload
        meaning = Meaning(list(script.constants.values()))
        found = [meaning.under(given, query.assertions) for query in script.queries]
        return {name: {TRUE: True, FALSE: False}.get(literal) for name, literal in zip(terms, found, strict=True)}

    def _values(self) -> dict[str, Term]:
        packet, interfaces = self._packet, Interfaces(self.plan)
        width = ADDRESS_BITS[packet.family]
        status = packet.ct_status if packet.original is None else packet.ct_status & ~CtStatus.DNAT
        address, port = packet.original or (packet.destination, packet.destination_port)
        return {
            "src": number(packet.source, width),
            "dst": number(packet.destination, width),
            "original-dst": number(address, width),
            "original-dport": number(port, 16),
            "proto": number(packet.protocol, 8),
            "sport": number(packet.source_port, 16),
            "dport": number(packet.destination_port, 16),
            "icmp": number(packet.icmp, 16),
            "flags": number(packet.tcp_flags, 8),
            "state": number(packet.state, 3),
            "status": number(status, 2),
            "in-interface": interfaces.interface(packet.in_interface),
            "out-interface": interfaces.interface(packet.out_interface),
            "in-port": interfaces.port(Port(Known.NAME, packet.phys_in)),
            "out-port": interfaces.port(Port(Known.NAME, packet.phys_out)),
        }


def chains(packet: Packet, path: Path, node: NodeState, cluster: Cluster) -> ChainJudgement:
    if packet.family not in node.rulesets:
        return ChainJudgement(None, None, ("nothing was read for this family",))
    case = _Case(packet, node, cluster)
    made = case.writer.chains()
    way: Way = case.writer.way(made, "way", path, case.start())
    passage = way.staying if packet.original is None else way.sent_on
    if passage is None:
        return ChainJudgement(None, None, ("no rule gives it this destination",))
    passes = made.passes(passage.end)
    terms = {
        "taken": passage.taken,
        "accepted": conj((passage.taken, passes)),
        "refused": conj((passage.taken, negation(passes))),
        "dropped": case.writer.stands(DROPPED, passage.end),
    }
    found = case.possible(terms)
    reasons = tuple(case.writer.free().values())
    if found["taken"] is False or (found["taken"] is None and packet.original is None):
        verdict = Verdict.DROP if found["dropped"] else None
        return ChainJudgement(verdict, None, (*reasons, *_translating(node.rulesets[packet.family])))
    verdict = Verdict.ACCEPT if found["refused"] is False else Verdict.DROP if found["accepted"] is False else None
    return ChainJudgement(verdict, None, reasons)


def _translating(ruleset: Ruleset) -> list[str]:
    """The rules that give packets another destination."""
    rules = (rule for chain in ruleset.chains.values() for rule in chain.rules)
    return [rule.text for rule in rules if isinstance(rule.effect, Translate) and rule.effect.targets]


def policies(packet: Packet, node: NodeState, cluster: Cluster, direction: Direction | None) -> bool | None:
    if packet.state in (ConnState.INVALID, ConnState.UNTRACKED):
        return None
    policed = packet.protocol in POLICED_PROTOCOLS
    if not policed and not speak_of_every_protocol(cluster):
        return None
    if packet.state is not ConnState.NEW:
        return True
    case = _Case(packet, node, cluster)
    read = case.writer.readers().policies
    directions = (direction,) if direction else tuple(Direction)
    readings = [
        replace(counting(defaults()), others=way)
        for counting in (surely, perhaps)
        for way in ((Presence.WRITTEN,) if policed else presences(defaults()))
    ]
    sides = [conj(read.side(cluster, each, one, each.value).allowed for each in directions) for one in readings]
    answers = set(case.possible({str(number): term for number, term in enumerate(sides)}).values())
    return answers.pop() if len(answers) == 1 else None


JUDGE = Judge("script", chains, policies)
