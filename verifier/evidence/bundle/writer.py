"""The script of one family of a node, put together from everything that its queries are about.

Spec: specs/evidence.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from verifier.evidence.bundle.chains import Chains
from verifier.evidence.bundle.demands import Asked, Demands, Readers, check_expressible
from verifier.evidence.bundle.interfaces import Interfaces
from verifier.evidence.bundle.inventory import Inventory
from verifier.evidence.bundle.marks import AWAY, SENT, Traversal, layout
from verifier.evidence.bundle.policies import Policies
from verifier.evidence.bundle.predicates import Predicates
from verifier.evidence.bundle.queries import Queries, Query
from verifier.evidence.bundle.script import Function, Script
from verifier.evidence.bundle.sets import Sets
from verifier.evidence.bundle.terms import (
    TRUE,
    Term,
    apply,
    choice,
    conj,
    disj,
    flattened,
    negation,
    number,
    variable,
)
from verifier.evidence.bundle.world import World
from verifier.model.bundle import Plan
from verifier.model.cluster import Cluster
from verifier.model.fields import ADDRESS_BITS, Field
from verifier.model.finding import Answer
from verifier.model.node import NodeState
from verifier.model.path import HOOKS, Path, before_routing
from verifier.reference.view import View

ASKED = (Answer.PROVED, Answer.REFUTED)
WAYS = {Path.NODE_TO_POD: "output", Path.POD_TO_NODE: "input"}
INNER = ("s", "new-dst", "new-dport")
"""Variables of definitions only."""
STATES = "0 NEW, 1 ESTABLISHED, 2 RELATED, 3 INVALID, 4 UNTRACKED"
FLAGS = "FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128"


HERE = {"new-dst": variable("dst"), "new-dport": variable("dport")}
"""The destination that is asked about."""
ORIGINAL = {"dst": variable("original-dst"), "dport": variable("original-dport")}
"""What a packet was sent to that the node gives another destination."""
TRANSLATED = {"status": apply("bvor", variable("status"), number(2, 2))}
"""How tracking calls a connection from then on."""


@dataclass(frozen=True, slots=True)
class Passage:
    """How a traversal ends, and whether it is that of a packet that goes this way."""

    end: Term
    taken: Term


@dataclass(frozen=True, slots=True)
class Way:
    """The passage of packets that keep their destination, and of those that the node sends on, if it sends any."""

    staying: Passage
    sent_on: Passage | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A script with its queries, and the truth values that nothing read tells, each with what it stands for."""

    text: str
    queries: tuple[Query, ...]
    free: tuple[tuple[str, str], ...]


def write(plan: Plan, node: NodeState, cluster: Cluster, view: View, root: str) -> Written:
    """The script of a plan, with files named as seen from `root`; raises NotExpressibleError where it cannot be said exactly."""
    check_expressible(plan)
    return Writer(plan, node, cluster, view, root).written()


class Writer:
    """What goes into the script of one plan."""

    def __init__(self, plan: Plan, node: NodeState, cluster: Cluster, view: View, root: str) -> None:
        ruleset = node.rulesets[plan.family]
        self._plan = plan
        self._node = node
        self._cluster = cluster
        self._view = view
        self._interfaces = interfaces = Interfaces(plan)
        self.layout = layout((rule for chain in ruleset.chains.values() for rule in chain.rules), node.sets)
        widths = {
            "src": ADDRESS_BITS[plan.family],
            "dst": ADDRESS_BITS[plan.family],
            "proto": 8,
            "sport": 16,
            "dport": 16,
            "icmp": 16,
            "flags": 8,
            "state": 3,
            "status": 2,
            "in-interface": interfaces.name_bits,
            "out-interface": interfaces.name_bits,
            "in-port": interfaces.port_bits,
            "out-port": interfaces.port_bits,
            "s": self.layout.width,
        }
        fixed = frozenset(("proto", "sport", "dport", "icmp", "flags", "state", "status", "mark"))
        if plan.translates:
            widths |= {"original-dst": widths["dst"], "original-dport": 16, "new-dst": widths["dst"], "new-dport": 16}
            fixed = fixed - {"dport", "status"} | {"original-dst", "original-dport"}
        self._script = script = Script(plan.family, widths, fixed, root)
        self._traversal = Traversal(script, self.layout, plan.translates)
        self._inventory = Inventory(script, view)
        self._sets = Sets(
            script,
            view,
            interfaces,
            lambda value: self._traversal.test(Field.MARK, value, 0xFFFFFFFF),
            translates=plan.translates,
        )
        self._ruleset = ruleset

    def written(self) -> Written:
        """The whole script."""
        script = self._script
        chains = self.chains()
        ways = {name: self.way(chains, name, path, self._start()) for name, path in self._ways().items()}
        script.section("The packets that there are")
        world = World(script, self._plan, self._view, self._interfaces)
        script.section("What the policies allow")
        demands = Demands(script, self._plan, self._cluster, self.readers(), world.own_address)
        queries = Queries(script, self._plan, world, self._interfaces)
        for path in Path:
            answers = {each.pod: each.answer for each in self._plan.questions if each.path is path}
            pods = [pod for pod in self._plan.pods if answers.get(pod.name) in ASKED]
            if pods:
                script.section(f"{path.value}: what is asked")
                asked = demands.path(path)
                way = ways[WAYS.get(path, "forward")]
                staying = self._differs(path.value, way.staying, demands.staying(path, asked), chains)
                queries.ask(path, staying, pods, answers)
                if way.sent_on is not None:
                    script.section(f"{path.value}: what is asked of packets that the node sends on")
                    sent_on = self._differs(f"{path.value}/sent-on", way.sent_on, asked, chains, TRANSLATED)
                    queries.ask(path, sent_on, pods, answers, world.sent_on())
        return Written(self.text(), tuple(queries.written), tuple(script.free.items()))

    def _differs(
        self, name: str, way: Passage, asked: Asked, chains: Chains, given: Mapping[str, Term] | None = None
    ) -> Function:
        """The definition of a packet that takes a way and is treated otherwise than asked."""
        accepted = chains.passes(way.end)
        passes = self._script.define(f"{name}/accepted", accepted, ("whether the node accepts the packet",)).call()
        leak = conj((passes, asked.deny.call(given), negation(asked.leak.call(given))))
        blocked = conj((negation(passes), asked.allow.call(given), negation(asked.blocked.call(given))))
        comment = "a leak, or a packet that is blocked"
        return self._script.define(f"{name}/differs", conj((way.taken, disj((leak, blocked)))), (comment,))

    def chains(self) -> Chains:
        """What writes the chains of the dump, once it is said how a traversal stands."""
        script = self._script
        script.section("How a traversal of the chains stands", f"{self.layout.width} bits, the highest three of them:")
        self._traversal.announce()
        tracking = self._traversal.tracking()
        rules = Predicates(script, self._sets, self._interfaces, self._inventory, self._traversal.test, tracking)
        script.section("The sets and chains of the dump", "each after what it leads to; its rules in their order")
        return Chains(script, self._ruleset, rules, self._traversal, self._interfaces)

    def way(self, chains: Chains, name: str, path: Path, start: Term) -> Way:
        """The way through the hooks of a path, and with another destination from the routing on (NAT-1)."""
        if not self._plan.translates:
            return Way(Passage(chains.path(name, HOOKS[path]).call({"s": start}), TRUE))
        before, after = (
            chains.path(f"{name}/{part}-routing", hooks)
            for part, hooks in zip(("before", "after"), before_routing(HOOKS[path]), strict=True)
        )
        end = after.call({"s": before.call({"s": start} | HERE)})
        stays = negation(disj(self._traversal.stands(each, end) for each in (SENT, AWAY)))
        unrouted = {"out-interface": self._interfaces.interface(None)}
        sent = self._script.define(
            f"{name}/sent", before.call({"s": start} | HERE | ORIGINAL | unrouted), (), self.layout.width
        ).call()
        arrived = self._traversal.stands(SENT, sent)
        arriving = choice(arrived, self._traversal.move("go", sent), sent)
        sent_on = Passage(after.call({"s": arriving} | TRANSLATED), disj((arrived, chains.may_lose(sent))))
        return Way(Passage(end, stays), sent_on)

    def _ways(self) -> dict[str, Path]:
        """The ways through the hooks that are asked about, each with a path that takes it."""
        paths = {each.path for each in self._plan.questions if each.answer in ASKED}
        return {WAYS.get(path, "forward"): path for path in Path if path in paths}

    def _start(self) -> Term:
        return self._traversal.entering(variable("mark") if self._plan.any_mark else None)

    def readers(self) -> Readers:
        script, sets, interfaces = self._script, self._sets, self._interfaces

        def reader(*, any_port: bool) -> Callable[[Inventory], Predicates]:
            return lambda inventory: Predicates(script, sets, interfaces, inventory, any_port=any_port)

        policies = Policies(script, self._view, self._inventory, reader(any_port=False))
        made: list[Policies] = []

        def replies() -> Policies:
            if not made:
                made.append(Policies(script, self._view, self._inventory, reader(any_port=True), some_port=True))
            return made[0]

        return Readers(policies, replies, Predicates(script, sets, interfaces, self._inventory))

    def free(self) -> dict[str, str]:
        """The truth values that nothing read tells, by name, each with what it stands for."""
        return self._script.free

    def stands(self, status: int, state: Term) -> Term:
        """Whether a traversal stands like this."""
        return self._traversal.stands(status, state)

    def text(self) -> str:
        """Everything that has been written, after what declares the packet."""
        return "\n".join([*self._head(), *self._script.lines, ""])

    def _head(self) -> list[str]:
        plan, script = self._plan, self._script
        comments = [
            f"Node {self._node.name}, IPv{plan.family}: what its rules do, what its policies ask, and whether the two differ.",
            "Every query asks for a packet that is treated otherwise than asked: unsat means that there is none.",
            "",
            f"state: {STATES}",
            "status: 1 translated source, 2 translated destination",
            f"flags: {FLAGS}; icmp: type * 256 + code",
            *self._interfaces.table(),
        ]
        lines = [*(f"; {flattened(each)}".rstrip() for each in comments), "(set-logic QF_BV)", ""]
        lines += [f"(declare-const {name} {script.sort(name)})" for name in script.widths if name not in INNER]
        kept = len(self.layout.bits[Field.MARK])
        if plan.any_mark and kept:
            lines.append(f"(declare-const mark (_ BitVec {kept}))")
        if script.free:
            lines += ["", "; what nothing read tells: either truth value is possible"]
        for name, text in script.free.items():
            lines.append(f"(declare-const {name} Bool) ; {flattened(text)}")
        return lines
