"""Chains as definitions: every rule in the order of the dump moves the traversal one step on.

Spec: specs/evidence.md (EV-5), specs/chains/traversal.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from verifier.evidence.bundle.interfaces import Interfaces
from verifier.evidence.bundle.marks import GOING, LOST, S, Traversal
from verifier.evidence.bundle.predicates import Predicates, asks_of_connections
from verifier.evidence.bundle.script import Function, NotExpressibleError, Script
from verifier.evidence.bundle.terms import (
    FALSE,
    Term,
    apply,
    choice,
    conj,
    disj,
    equal,
    flattened,
    negation,
    number,
    variable,
    within,
)
from verifier.model.bundle import NO_PORT
from verifier.model.effect import (
    Assign,
    Call,
    Continue,
    Copy,
    Finish,
    Goto,
    Return,
    Target,
    Translate,
    Unknown,
    Untrack,
    Verdict,
)
from verifier.model.fields import PORT_PROTOCOLS
from verifier.model.path import (
    BEFORE_ROUTING,
    IN_INTERFACE_CHAINS,
    OUT_INTERFACE_CHAINS,
    OUT_PORT_CHAINS,
)
from verifier.model.ruleset import Chain, Rule, Ruleset

MOST_COPIES = 300
"""A chain in which something is opaque is written once for every way to it; of more the script would not be readable."""


class Chains:
    """The chains of one ruleset."""

    def __init__(
        self, script: Script, ruleset: Ruleset, predicates: Predicates, traversal: Traversal, interfaces: Interfaces
    ) -> None:
        self._script = script
        self._ruleset = ruleset
        self._predicates = predicates
        self._traversal = traversal
        self._interfaces = interfaces
        self._known: dict[tuple[str, str], Function] = {}
        self._opaque: dict[tuple[str, str], bool] = {}
        self._copies = 0
        self._losing: dict[str, None] = {}
        self._early: Predicates | None = None

    # ------------------------------------------------------------------ paths

    def path(self, name: str, hooks: Sequence[tuple[str, str]]) -> Function:
        """A definition of what becomes of a packet on its way through built-in chains, in the kernel's order (CH-1)."""
        there = [key for key in hooks if key in self._ruleset.chains]
        steps = [(f"{table} {hook}", self._hook((table, hook))) for table, hook in there]
        return self._steps(name, steps, (f"the way through {', '.join(text for text, _ in steps) or 'nothing'}",))

    def _hook(self, key: tuple[str, str]) -> Term:
        """One built-in chain, with the interfaces and ports that a packet has there (CH-2)."""
        table, hook = key
        nothing, no_port = self._interfaces.interface(""), self._interfaces.port(NO_PORT)
        given: dict[str, Term] = {}
        if hook not in IN_INTERFACE_CHAINS:
            given["in-interface"] = nothing
        if hook not in OUT_INTERFACE_CHAINS:
            given["out-interface"] = nothing
        if hook not in OUT_PORT_CHAINS:
            given["out-port"] = no_port
        chain = self._traversal.move("following", self._chain(self._ruleset.chains[key], ()).call(given))
        going = self._traversal.going()
        if table == "nat":
            going = conj(
                (going, self._traversal.meets_nat(self._ruleset.family, before_routing=hook in BEFORE_ROUTING))
            )
        return apply("ite", going, chain, S)

    def passes(self, way: Term) -> Term:
        """Whether a packet that has gone a way is accepted; what is lost sight of may be."""
        stands = self._traversal.stands
        if not self._losing:
            return stands(GOING, way)
        text = f"whether a packet is accepted that sight is lost of: {'; '.join(self._losing)}"
        free = self._script.unknown(text, "lost")
        return disj((stands(GOING, way), conj((stands(LOST, way), free))))

    def may_lose(self, state: Term) -> Term:
        """Whether sight of the packet has been lost."""
        return self._traversal.stands(LOST, state) if self._losing else FALSE

    # ------------------------------------------------------------------ chains

    def _chain(self, chain: Chain, entered: tuple[str, ...]) -> Function:
        key = (chain.table, chain.name)
        if key in self._known:
            return self._known[key]
        self._copies += self._is_opaque(chain, ())
        if self._copies > MOST_COPIES:
            raise NotExpressibleError(f"more than {MOST_COPIES} ways lead through what has no static meaning")
        within = (*entered, chain.name)
        steps = [step for rule in chain.rules if (step := self._rule(rule, chain.table, within)) is not None]
        if chain.policy is not None:
            verdict = "dropped" if chain.policy is Verdict.DROP else "accepted"
            ended = self._traversal.move("ended", S)
            policy = apply("ite", ended, self._traversal.move(verdict, S), S)
            steps.append((f"the chain's policy: {chain.policy.value}", policy))
        found = self._steps(
            f"chain/{chain.table}/{chain.name}", steps, (f"{self._script.place(chain.origin)}  chain {chain.name}",)
        )
        if not self._is_opaque(chain, ()):
            self._known[key] = found
        return found

    def _is_opaque(self, chain: Chain, entered: tuple[str, ...]) -> bool:
        """Whether the chain, or one that it leads to, has parts of which each occurrence has a truth value of its own."""
        key = (chain.table, chain.name)
        if key not in self._opaque and chain.name not in entered:
            within = (*entered, chain.name)
            self._opaque[key] = any(
                self._predicates.opaque(rule.match) for rule in chain.rules if not isinstance(rule.effect, Continue)
            ) or any(
                self._is_opaque(self._ruleset.chains[chain.table, rule.effect.chain], within)
                for rule in chain.rules
                if isinstance(rule.effect, Call | Goto) and (chain.table, rule.effect.chain) in self._ruleset.chains
            )
        return self._opaque.get(key, False)

    def _steps(self, name: str, steps: Sequence[tuple[str, Term]], comments: Sequence[str]) -> Function:
        """A definition that takes a traversal through steps, one after the other."""
        reads = frozenset(("s",)).union(*(step.reads for _, step in steps))
        return self._script.written(name, reads, list(_nested(steps)), comments, self._traversal.layout.width)

    def _rule(self, rule: Rule, table: str, entered: tuple[str, ...]) -> tuple[str, Term] | None:
        """The comment of a rule, and the traversal after it; None where it changes nothing."""
        if isinstance(rule.effect, Continue):
            return None
        match = conj((self._traversal.going(), self._read(table).term(rule.match)))
        after = None if match.text == "false" else self._after(rule, table, entered)
        if after is None:
            return None
        return f"{self._script.place(rule.origin)}  {rule.text}", apply("ite", match, after, S)

    def _read(self, table: str) -> Predicates:
        """The predicates as rules of a table see packets."""
        if table != "raw":
            return self._predicates
        if self._early is None:
            own = equal(variable("in-interface"), self._interfaces.interface(""))
            rules = [rule for key, chain in self._ruleset.chains.items() if key[0] == "raw" for rule in chain.rules]
            asked = any(isinstance(rule.effect, Untrack) or asks_of_connections(rule.match) for rule in rules)
            self._early = self._predicates
            if asked:
                self._early = self._predicates.seen_with(self._traversal.before_tracking(own))
        return self._early

    def _after(self, rule: Rule, table: str, entered: tuple[str, ...]) -> Term | None:
        move = self._traversal.move
        match rule.effect:
            case Finish(verdict):
                return move("dropped" if verdict is Verdict.DROP else "accepted", S)
            case Return():
                return move("back", S)
            case Call(name):
                called = self._called(name, table, entered)
                return self._lose(rule, self._missing(name, table)) if called is None else move("resumed", called)
            case Goto(name):
                called = self._called(name, table, entered)
                return self._lose(rule, self._missing(name, table)) if called is None else move("left", called)
            case Assign():
                return self._traversal.assign(rule.effect)
            case Copy():
                return self._traversal.copy(rule.effect)
            case Untrack():
                return self._traversal.untrack()
            case Translate(rewrites, text, targets):
                if not rewrites:
                    return move("accepted", S)
                return self._sent(targets) if targets else self._lose(rule, text)
            case Unknown(text):
                return self._lose(rule, text)
            case _:
                return None

    def _sent(self, targets: Sequence[Target]) -> Term:
        """A packet that is given a destination: the one that is asked about, or another one (NAT-2)."""
        there = disj(self._leads_to(each) for each in targets)
        return choice(there, self._traversal.move("sent", S), self._traversal.move("away", S))

    def _leads_to(self, target: Target) -> Term:
        if target.family != self._script.family:
            return FALSE
        where = within(variable("new-dst"), self._script.address, [target.addresses])
        ported = disj(equal(variable("proto"), number(each, 8)) for each in PORT_PROTOCOLS)
        port = variable("new-dport")
        if target.ports is None:
            return conj((where, disj((negation(ported), equal(port, variable("dport"))))))
        return conj((where, ported, within(port, 16, [target.ports])))

    def _lose(self, rule: Rule, why: str) -> Term:
        self._losing[f"{why} ({self._script.place(rule.origin)})"] = None
        return self._traversal.move("lost", S)

    def _missing(self, name: str, table: str) -> str:
        """Why a rule leads nowhere (CH-9)."""
        there = (table, name) in self._ruleset.chains
        return (
            f"loop: chain {name} leads back to itself" if there else f"chain {name} of table {table} is not in the dump"
        )

    def _called(self, name: str, table: str, entered: tuple[str, ...]) -> Term | None:
        """A chain that a rule leads to; None where it is missing or leads back to itself (CH-9)."""
        chain = self._ruleset.chains.get((table, name))
        if chain is None or name in entered:
            return None
        return self._chain(chain, entered).call()


def _nested(steps: Sequence[tuple[str, Term]]) -> Iterator[str]:
    for text, step in steps:
        yield f"  ; {flattened(text)}"
        yield f"  (let ((s {step.text}))"
    yield f"  s{')' * len(steps)})"
