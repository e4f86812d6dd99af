"""A batch of packets through the chains of one path: plain interpretation, rule by rule, of all packets at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.oracle.batch import SHIFT, UNTRACKED, Batch
from verifier.model.effect import (
    Assign,
    Call,
    Continue,
    Copy,
    Finish,
    Goto,
    Return,
    Translate,
    Unknown,
    Untrack,
    Verdict,
)
from verifier.model.fields import ICMP_OF, ConnState, CtStatus
from verifier.model.path import BEFORE_ROUTING, HOOKS, Path
from verifier.model.ruleset import Chain, Rule, Ruleset

MOST_FORKS = 300
"""After so many doubtful rules, nobody asks any more what becomes of the packets in doubt."""


@dataclass(slots=True)
class Group:
    """Packets at one place, each once, with their marks."""

    live: int
    marks: dict[int, int] = field(default_factory=dict)

    def part(self, mask: int) -> Group:
        """Those of the group that are in a mask."""
        return Group(self.live & mask, {bit: held & mask for bit, held in self.marks.items()})


def joined(groups: list[Group]) -> list[Group]:
    """The same packets in fewer groups; a packet that is in several of them stays in several."""
    out: list[Group] = []
    for group in groups:
        if not group.live:
            continue
        for known in out:
            if not known.live & group.live:
                known.live |= group.live
                for bit, held in group.marks.items():
                    known.marks[bit] = known.marks.get(bit, 0) | held
                break
        else:
            out.append(group.part(group.live))
    return out


@dataclass(slots=True)
class Fate:
    """Packets that can be accepted, and packets that can be dropped; what nobody can say is in both.

    `lost` are those in both only because there were too many ways to follow. `gone` are in both because the node sends
    them elsewhere, where they are asked about.
    """

    accepted: int = 0
    dropped: int = 0
    lost: int = 0
    gone: int = 0

    @property
    def surely_accepted(self) -> int:
        return self.accepted & ~self.dropped

    @property
    def surely_dropped(self) -> int:
        return self.dropped & ~self.accepted


def traverse(batch: Batch, ruleset: Ruleset) -> Fate:
    """What becomes of every packet of the batch on its path."""
    fate = Fate()
    rules = (rule for chain in ruleset.chains.values() for rule in chain.rules)
    batch.untracks = any(isinstance(rule.effect, Untrack) for rule in rules)
    routes: dict[tuple[tuple[str, str], ...], list[Path]] = {}
    for path, hooks in HOOKS.items():
        routes.setdefault(hooks, []).append(path)
    for hooks, paths in routes.items():
        live = batch.where("path", lambda path, paths=paths: path in paths)  # type: ignore[misc]
        if live:
            _Traversal(batch, ruleset, fate).run(hooks, live)
    sent_on = fate.gone
    fate.gone &= ~(fate.accepted | fate.dropped)
    fate.accepted |= sent_on
    fate.dropped |= sent_on
    return fate


class _Traversal:
    def __init__(self, batch: Batch, ruleset: Ruleset, fate: Fate) -> None:
        self.batch = batch
        self.ruleset = ruleset
        self.fate = fate
        self.hook = ""
        self.through: list[Group] = []
        self.forks = 0

    def run(self, hooks: tuple[tuple[str, str], ...], live: int) -> None:
        first = self.batch.where("service", lambda s: s.state in (ConnState.NEW, ConnState.RELATED))  # type: ignore[attr-defined]
        icmp = ICMP_OF[self.batch.family]
        errors = self.batch.where("service", lambda s: s.state is ConnState.RELATED and s.protocol == icmp)  # type: ignore[attr-defined]
        first &= ~errors
        helped = self.batch.where("service", lambda s: s.state is ConnState.RELATED and s.ct_status & CtStatus.DNAT)  # type: ignore[attr-defined]
        groups = [Group(live)]
        for key in hooks:
            chain = self.ruleset.chains.get(key)
            if chain is None:
                continue
            visiting = first if key[0] == "nat" else self.batch.all
            if key[0] == "nat" and key[1] in BEFORE_ROUTING:
                visiting &= ~helped
            self.hook, self.batch.early = key[1], key[0] == "raw"
            lost = {id(group): group.marks.get(UNTRACKED, 0) if key[0] == "nat" else 0 for group in groups}
            self.through = [group.part(~visiting | lost[id(group)]) for group in groups]
            for group in groups:
                for left in self._chain(chain, group.part(visiting & ~lost[id(group)]), (chain.name,)):
                    self._finish(chain.policy or Verdict.ACCEPT, left)
            groups = joined(self.through)
        for group in groups:
            self.fate.accepted |= group.live

    def _chain(self, chain: Chain, group: Group, entered: tuple[str, ...]) -> list[Group]:
        """The packets that leave the chain at its end or by RETURN; a packet with two fates is in two groups."""
        left: list[Group] = []
        waiting = [(group, 0)]
        while waiting:
            current, place = waiting.pop()
            while place < len(chain.rules) and current.live:
                rule = chain.rules[place]
                place += 1
                can, sure = self.batch.ask(rule.match, self.hook, current.marks)
                if not current.live & can or isinstance(rule.effect, Continue):
                    continue
                doubtful = current.live & can & ~sure
                if doubtful:
                    self._fork(rule, current.part(doubtful), place, entered, left, waiting, chain)
                taken = self._apply(rule, current.part(sure), entered, left, chain)
                rest = joined([current.part(~can), *taken])
                waiting.extend((other, place) for other in rest[1:])
                current = rest[0] if rest else Group(0)
            left.append(current)
        return joined(left)

    def _fork(
        self,
        rule: Rule,
        doubtful: Group,
        place: int,
        entered: tuple[str, ...],
        left: list[Group],
        waiting: list[tuple[Group, int]],
        chain: Chain,
    ) -> None:
        """Packets for which nobody knows whether the rule matches go both ways."""
        self.forks += 1
        if self.forks > MOST_FORKS:
            self.fate.lost |= doubtful.live
            self._lose(doubtful)
            return
        waiting.append((doubtful.part(doubtful.live), place))
        waiting.extend((other, place) for other in self._apply(rule, doubtful, entered, left, chain))

    def _apply(
        self, rule: Rule, group: Group, entered: tuple[str, ...], left: list[Group], chain: Chain
    ) -> list[Group]:
        """The packets that go on with the next rule of the chain."""
        if not group.live:
            return []
        match rule.effect:
            case Finish(verdict):
                self._finish(verdict, group)
            case Call(name) | Goto(name):
                target = self.ruleset.chains.get((chain.table, name))
                if target is None or name in entered:
                    self._lose(group)
                    return []
                out = self._chain(target, group, (*entered, name))
                if isinstance(rule.effect, Call):
                    return out
                left.extend(out)
            case Return():
                left.append(group)
            case Translate(rewrites_destination, targets=targets):
                if targets:
                    self.fate.gone |= group.live
                elif rewrites_destination:
                    self._lose(group)
                else:
                    self._finish(Verdict.ACCEPT, group)
            case Assign() | Copy():
                self._write(rule.effect, group)
                return [group]
            case Untrack():
                group.marks[UNTRACKED] = group.live
                return [group]
            case Unknown():
                self._lose(group)
        return []

    def _finish(self, verdict: Verdict, group: Group) -> None:
        if verdict is Verdict.DROP:
            self.fate.dropped |= group.live
        else:
            self.through.append(group)

    def _lose(self, group: Group) -> None:
        self.fate.accepted |= group.live
        self.fate.dropped |= group.live

    def _write(self, effect: Assign | Copy, group: Group) -> None:
        target = SHIFT[effect.field if isinstance(effect, Assign) else effect.target]
        old = dict(group.marks)
        for bit in range(32):
            if isinstance(effect, Assign):
                kept = 0 if effect.mask >> bit & 1 else old.get(target + bit, 0)
                flipped = group.live if effect.value >> bit & 1 else 0
            else:
                kept = 0 if effect.target_mask >> bit & 1 else old.get(target + bit, 0)
                flipped = old.get(SHIFT[effect.source] + bit, 0) if effect.source_mask >> bit & 1 else 0
            held = (kept ^ flipped) & group.live
            if held:
                group.marks[target + bit] = held
            else:
                group.marks.pop(target + bit, None)
