"""How a node's chains treat one packet: the whole traversal of its path, rule by rule.

Spec: specs/chains/traversal.md
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from verifier.model.effect import (
    Assign,
    Call,
    Continue,
    Copy,
    Effect,
    Finish,
    Goto,
    Return,
    Target,
    Translate,
    Unknown,
    Untrack,
    Verdict,
)
from verifier.model.fields import ICMP_OF, TCP, ConnState, CtStatus, Field, has_ports
from verifier.model.node import NodeState
from verifier.model.packet import Packet
from verifier.model.path import (
    BEFORE_ROUTING,
    HOOKS,
    IN_INTERFACE_CHAINS,
    OUT_INTERFACE_CHAINS,
    OUT_PORT_CHAINS,
    Path,
    before_routing,
)
from verifier.model.ruleset import Chain, Rule, Ruleset
from verifier.model.trace import ChainTrace, Step
from verifier.reference.predicates import asks_of_connections, doubts, holds
from verifier.reference.view import View

MAX_BRANCHES = 64
ALL_BITS = 0xFFFFFFFF


def walk(packet: Packet, path: Path, node: NodeState, view: View) -> ChainTrace:
    """Take the packet through every hook of its path (CH-1)."""
    return passage(packet, path, node, view).trace


@dataclass(frozen=True, slots=True)
class Way:
    """One way that opaque constructs leave open, with the choices that it rests on as reasons (CH-10).

    `perhaps` are rules that change nothing and may or may not match, as steps, each with how many steps came before it.
    """

    trace: ChainTrace
    perhaps: tuple[tuple[int, Step], ...] = ()


def every_way(packet: Packet, path: Path, node: NodeState, view: View) -> tuple[Way, ...]:
    """All ways, each with its own verdict."""
    ruleset = node.rulesets.get(packet.family)
    if ruleset is None:
        return (Way(walk(packet, path, node, view)),)
    return _Walker(ruleset, _hooks(ruleset, path, packet), packet, view, ()).ways()


def sent_to(packet: Packet, path: Path, node: NodeState, view: View) -> tuple[tuple[Target, ...], bool]:
    """Where the node sends a packet that is addressed elsewhere, and whether every such packet is sent on (NAT-1)."""
    ruleset = node.rulesets.get(packet.family)
    if ruleset is None:
        return (), False
    hooks, _ = before_routing([h for h in HOOKS[path] if h in ruleset.chains and _visits(h[0], packet.state)])
    walker = _Walker(ruleset, tuple(hooks), packet, view, ())
    passage = walker.outcome()
    return tuple(dict.fromkeys(walker.targets)), bool(walker.targets) and not walker.stays and not passage.trace.verdict


@dataclass(frozen=True, slots=True)
class Passage:
    """A walk with what it went past: `spared` are rules that did not match, as steps, in order.

    Each step of `spared` carries how many steps of the trace came before it.
    """

    trace: ChainTrace
    spared: tuple[tuple[int, Step], ...]


def passage(
    packet: Packet, path: Path, node: NodeState, view: View, kept: tuple[type[Effect], ...] = (Finish,)
) -> Passage:
    """The walk of `walk`, with the rules of these effects that did not match."""
    ruleset = node.rulesets.get(packet.family)
    if ruleset is None:
        name = "iptables-save" if packet.family == 4 else "ip6tables-save"
        return Passage(ChainTrace(None, (), packet.mark, (f"the snapshot has no {name} of node {node.name}",)), ())
    return _Walker(ruleset, _hooks(ruleset, path, packet), packet, view, kept).outcome()


def _hooks(ruleset: Ruleset, path: Path, packet: Packet) -> tuple[tuple[str, str], ...]:
    return tuple(hook for hook in HOOKS[path] if hook in ruleset.chains and _visits(hook[0], packet.state))


def _visits(table: str, state: ConnState) -> bool:
    """Only the first packet of a connection sees the nat table (CH-6)."""
    return table != "nat" or state in (ConnState.NEW, ConnState.RELATED)


def at_hook(packet: Packet, hook: str, mark: int, connmark: int) -> Packet:
    """The packet as seen at a hook: only with the interfaces that it has there (CH-2), and with these marks."""
    inward, outward = hook in IN_INTERFACE_CHAINS, hook in OUT_INTERFACE_CHAINS
    parting = hook in OUT_PORT_CHAINS
    return replace(
        packet,
        mark=mark,
        connmark=connmark,
        in_interface=packet.in_interface if inward else "",
        out_interface=packet.out_interface if outward else "",
        phys_out=packet.phys_out if parting else "",
        bridged=packet.bridged if parting else 0,
    )


def _leads_to(target: Target, packet: Packet) -> bool:
    """Whether a translation can give the packet the destination that it has (NAT-2)."""
    assert packet.original is not None
    first, last = target.ports or (packet.original[1], packet.original[1])
    low, high = target.addresses
    here = target.family == packet.family and low <= packet.destination <= high
    return here and (first <= packet.destination_port <= last if has_ports(packet.protocol) else target.ports is None)


@dataclass(slots=True)
class _Frame:
    """A place to go on at: a chain, the index of its next rule, and the chains that it stands for after a goto."""

    chain: Chain
    next: int
    entered: tuple[str, ...]


@dataclass(slots=True)
class _Branch:
    """One way through the chains, with the choices made at opaque constructs so far."""

    hook: int = -1
    frames: list[_Frame] = field(default_factory=list)
    seen: Packet | None = None  # the packet as the rules of this hook see it
    mark: int = 0
    connmark: int = 0
    untracked: bool = False  # a rule took it out of connection tracking
    early: bool = False  # the raw table sees its state
    sent_on: bool = False  # the node has given it the destination that the packet names
    steps: list[Step] = field(default_factory=list)
    spared: list[tuple[int, Step]] = field(default_factory=list)
    perhaps: list[tuple[int, Step]] = field(default_factory=list)
    choices: tuple[str, ...] = ()

    def copy(self) -> _Branch:
        frames = [_Frame(frame.chain, frame.next, frame.entered) for frame in self.frames]
        return replace(
            self, frames=frames, steps=list(self.steps), spared=list(self.spared), perhaps=list(self.perhaps)
        )


@dataclass(slots=True)
class _End:
    """How a branch ended."""

    verdict: Verdict | None
    branch: _Branch
    reason: str = ""
    strays: bool = False  # goes to another destination than the packet names, so it is another packet
    leaves: bool = False  # goes to a destination that the packet does not name

    def trace(self) -> ChainTrace:
        reasons = tuple(reason for reason in (*self.branch.choices, self.reason) if reason)
        return ChainTrace(self.verdict, tuple(self.branch.steps), self.branch.mark, reasons)


class _Walker:
    """Explores every branch that opaque constructs allow; without them there is exactly one."""

    def __init__(
        self,
        ruleset: Ruleset,
        hooks: tuple[tuple[str, str], ...],
        packet: Packet,
        view: View,
        kept: tuple[type[Effect], ...],
    ) -> None:
        self.kept = kept
        self.ruleset = ruleset
        self.hooks = hooks
        self.packet = packet
        self.view = view
        self.targets: list[Target] = []
        self.stays = False
        self.waiting = [_Branch(mark=packet.mark, connmark=packet.connmark)]
        self.branches = 1

    def ways(self) -> tuple[Way, ...]:
        """One for each end, those that become another packet left out; none is left out where all do."""
        ends: list[_End] = []
        while self.waiting:
            ends.append(self._follow(self.waiting.pop()))
        found = [end for end in ends if not end.strays] or ends
        return tuple(Way(end.trace(), tuple(end.branch.perhaps)) for end in found)

    def outcome(self) -> Passage:
        ends: list[_End] = []
        strays: list[_End] = []
        while self.waiting:
            end = self._follow(self.waiting.pop())
            (strays if end.strays else ends).append(end)
            self.branches -= end.strays or end.leaves
            self.stays = self.stays or not end.leaves
        ends = ends or strays
        first = ends[0]
        if len({end.verdict for end in ends}) == 1 and first.verdict is not None:
            return self._passage(first, first.verdict, ())
        reasons = [reason for end in ends for reason in (*end.branch.choices, end.reason) if reason]
        if self.branches > MAX_BRANCHES:
            reasons.append(f"more than {MAX_BRANCHES} ways through constructs without a static meaning")
        undecided = next((end for end in ends if end.verdict is None), first)
        return self._passage(undecided, None, tuple(dict.fromkeys(reasons)))

    def _passage(self, end: _End, verdict: Verdict | None, reasons: tuple[str, ...]) -> Passage:
        trace = ChainTrace(verdict, tuple(end.branch.steps), end.branch.mark, reasons)
        return Passage(trace, tuple(end.branch.spared))

    def _follow(self, branch: _Branch) -> _End:
        """Go on until the packet is dropped, has passed the last hook, or is lost sight of."""
        while True:
            if not branch.frames:
                if self._sent_astray(branch):
                    return _End(None, branch, "no rule gives it this destination", strays=True)
                if not self._enter_hook(branch):
                    return _End(Verdict.ACCEPT, branch)
            end = self._step(branch)
            if end is not None:
                return end

    def _sent_astray(self, branch: _Branch) -> bool:
        """Whether the packet is past the last rule that could have given it its destination (NAT-1)."""
        if self.packet.original is None or branch.sent_on:
            return False
        return not any(table == "nat" and hook in BEFORE_ROUTING for table, hook in self.hooks[branch.hook + 1 :])

    def _enter_hook(self, branch: _Branch) -> bool:
        branch.hook += 1
        while branch.hook < len(self.hooks) and self._spared(branch):
            branch.hook += 1
        if branch.hook == len(self.hooks):
            return False
        chain = self.ruleset.chains[self.hooks[branch.hook]]
        branch.frames = [_Frame(chain, 0, (chain.name,))]
        branch.early = self._seen_early(branch)
        self._look(branch)
        return True

    def _seen_early(self, branch: _Branch) -> bool:
        """Whether the raw table sees the packet's state; a copy for which it does not is left behind where that is open (CH-12)."""
        table, hook = self.hooks[branch.hook]
        state, protocol = self.packet.state, self.packet.protocol
        answers = protocol in (TCP, ICMP_OF[self.packet.family])
        open_here = state is ConnState.UNTRACKED or (state is ConnState.RELATED and hook == "OUTPUT" and answers)
        if table != "raw" or not open_here or not self._asks_of_connections():
            return False
        self._look(self._part(branch, "whether the raw table already sees the state of the packet"))
        return True

    def _asks_of_connections(self) -> bool:
        """Whether a rule of the raw table asks for connections, or takes packets out of tracking that have none yet."""
        tables = self.ruleset.chains.items()
        rules = [rule for (table, _), chain in tables if table == "raw" for rule in chain.rules]
        return any(isinstance(rule.effect, Untrack) or asks_of_connections(rule.match) for rule in rules)

    def _spared(self, branch: _Branch) -> bool:
        """Whether the packet goes past the next table: untracked (CH-11), or translated as its connection is (CH-6).

        Where that is open after routing, a copy that goes past it is left behind.
        """
        table, hook = self.hooks[branch.hook]
        if table != "nat":
            return False
        packet = self.packet
        if branch.untracked or packet.state is not ConnState.RELATED:
            return branch.untracked
        if packet.protocol == ICMP_OF[packet.family]:
            return True
        if packet.ct_status & CtStatus.SNAT:
            return True
        if hook in BEFORE_ROUTING:
            return packet.original is None and bool(packet.ct_status & CtStatus.DNAT)
        if branch.sent_on or packet.ct_status & CtStatus.DNAT:
            self._part(
                branch, "whether the nat table is asked after routing about what comes with a translated destination"
            )
        return False

    def _part(self, branch: _Branch, why: str) -> _Branch:
        """A copy that goes the other of two ways, which a branch can do at a few hooks only."""
        branch.choices += (why,)
        self.branches += 1
        other = branch.copy()
        self.waiting.append(other)
        return other

    def _look(self, branch: _Branch) -> None:
        """The packet as the rules of this hook see it, with its present marks (CH-7) and the state that it has there."""
        packet = self.packet
        if packet.original is not None and not branch.sent_on:
            address, port = packet.original
            status = packet.ct_status & ~CtStatus.DNAT
            packet = replace(packet, destination=address, destination_port=port, ct_status=status)
        table, hook = self.hooks[branch.hook]
        if branch.untracked:
            packet = replace(packet, state=ConnState.UNTRACKED, ct_status=0)
        elif table == "raw" and not branch.early:
            packet = replace(packet, state=ConnState.INVALID, ct_status=0)  # CH-12
        branch.seen = at_hook(packet, hook, branch.mark, branch.connmark)

    def _step(self, branch: _Branch) -> _End | None:
        """Read the chain on top up to the next rule that matches, and do what that rule says."""
        frame = branch.frames[-1]
        chain, seen = frame.chain, branch.seen
        assert seen is not None
        for place in range(frame.next, len(chain.rules)):
            rule = chain.rules[place]
            answer = holds(rule.match, seen, self.view)
            if answer is False:
                step = Step(chain.table, chain.name, place + 1, rule, branch.mark, branch.mark)
                if rule.asked is not None and holds(rule.asked, seen, self.view):
                    branch.steps.append(step)
                elif type(rule.effect) in self.kept:
                    branch.spared.append((len(branch.steps), step))
                continue
            if answer is None:
                if type(rule.effect) is Continue:
                    step = Step(chain.table, chain.name, place + 1, rule, branch.mark, branch.mark)
                    branch.perhaps.append((len(branch.steps), step))
                    continue
                doubt = self._fork(branch, place, rule)
                if doubt is not None:
                    return doubt
            frame.next = place + 1
            return self._apply(branch, place + 1, rule)
        return self._leave(branch)

    def _fork(self, branch: _Branch, place: int, rule: Rule) -> _End | None:
        """Leave a copy behind for which the rule does not match (CH-10)."""
        assert branch.seen is not None
        reasons = doubts(rule.match, branch.seen, self.view)
        branch.choices += tuple(f"{reason} ({rule.origin})" for reason in reasons)
        if self.branches >= MAX_BRANCHES:
            self.branches = MAX_BRANCHES + 1
            return _End(None, branch)
        self.branches += 1
        other = branch.copy()
        other.frames[-1].next = place + 1
        self.waiting.append(other)
        return None

    def _apply(self, branch: _Branch, number: int, rule: Rule) -> _End | None:
        chain = branch.frames[-1].chain
        before = branch.mark
        effect = rule.effect
        if isinstance(effect, Assign | Copy):
            self._write(branch, effect)
        branch.steps.append(Step(chain.table, chain.name, number, rule, before, branch.mark))
        match effect:
            case Finish(verdict):
                return self._finish(branch, verdict)
            case Call(name) | Goto(name):
                return self._enter(branch, name, rule)
            case Return():
                return self._leave(branch)
            case Translate():
                return self._translate(branch, effect, rule)
            case Unknown(text):
                return _End(None, branch, f"{text} ({rule.origin})")
            case Untrack():
                attached = branch.early and self.packet.state is ConnState.RELATED  # CH-12
                branch.untracked = branch.untracked or not attached  # CH-11
                self._look(branch)
                return None
            case _:
                return None

    def _translate(self, branch: _Branch, effect: Translate, rule: Rule) -> _End | None:
        """A source ends this table; a destination makes it the packet that it is to be, or another one (NAT-1, NAT-3)."""
        if not effect.rewrites_destination:
            return self._finish(branch, Verdict.ACCEPT)
        elsewhere = f"{effect.text} gives the packet another destination ({rule.origin})"
        if not effect.targets or self.packet.original is None:
            self.targets.extend(effect.targets)
            return _End(None, branch, elsewhere, leaves=bool(effect.targets))
        if not any(_leads_to(target, self.packet) for target in effect.targets):
            return _End(None, branch, elsewhere, strays=True)
        branch.sent_on = True
        return self._finish(branch, Verdict.ACCEPT)

    def _finish(self, branch: _Branch, verdict: Verdict) -> _End | None:
        """A drop is final; an accept ends this chain of this table only (CH-3)."""
        if verdict is Verdict.DROP:
            return _End(verdict, branch)
        branch.frames.clear()
        return None

    def _enter(self, branch: _Branch, name: str, rule: Rule) -> _End | None:
        """Call or goto: after a goto the new chain stands in the place of the one that is left (CH-4, CH-5)."""
        frame = branch.frames[-1]
        chain = self.ruleset.chains.get((frame.chain.table, name))
        if chain is None:
            return _End(None, branch, f"chain {name} of table {frame.chain.table} is not in the dump ({rule.origin})")
        if any(name in open_frame.entered for open_frame in branch.frames):
            return _End(None, branch, f"loop: chain {name} leads back to itself ({rule.origin})")
        if isinstance(rule.effect, Goto):
            branch.frames[-1] = _Frame(chain, 0, (*frame.entered, name))
        else:
            branch.frames.append(_Frame(chain, 0, (name,)))
        return None

    def _leave(self, branch: _Branch) -> _End | None:
        """The end of a chain, or RETURN: go on in the caller; without one, the built-in chain's policy (CH-4, CH-8)."""
        branch.frames.pop()
        if branch.frames:
            return None
        chain = self.ruleset.chains[self.hooks[branch.hook]]
        branch.steps.append(Step(chain.table, chain.name, 0, None, branch.mark, branch.mark))
        return self._finish(branch, chain.policy or Verdict.ACCEPT)

    def _write(self, branch: _Branch, effect: Assign | Copy) -> None:
        """Change a mark (CH-7)."""
        values = {Field.MARK: branch.mark, Field.CONNMARK: branch.connmark}
        match effect:
            case Assign(target, value, mask):
                written = (values[target] & ~mask) ^ value
            case Copy(target, source, target_mask, source_mask):
                written = (values[target] & ~target_mask) ^ (values[source] & source_mask)
        values[target] = written & ALL_BITS
        branch.mark, branch.connmark = values[Field.MARK], values[Field.CONNMARK]
        self._look(branch)
