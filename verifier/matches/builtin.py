"""What a rule tests without any extension: addresses, interfaces, protocol, fragments.

Spec: specs/matches/builtin.md
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier.matches.hosts import Hosts, parse_hosts
from verifier.matches.module import MatchModule
from verifier.matches.protocols import parse_protocol, spell_protocol
from verifier.model.extension import Malformed, Option
from verifier.model.fields import Field
from verifier.model.predicate import FALSE, TRUE, Named, Opaque, Predicate, all_of, equals, negate

LONGEST_NAME = 15
SKIPPED_IN_IPV6 = (43, 44, 60)
"""Extension headers that the kernel walks past, so that no packet has them as its protocol (BI-5)."""
AH = 51


@dataclass(frozen=True, slots=True)
class Test:
    """One option of the built-in tests; `value` is Hosts, the text of an interface, a protocol number, or 0 for -f."""

    flag: str
    value: Hosts | str | int
    negated: bool


@dataclass(frozen=True, slots=True)
class Builtin:
    """The built-in tests of one rule, in the order in which iptables-save prints them."""

    family: int
    tests: tuple[Test, ...]

    def meaning(self) -> Predicate:
        return all_of(*(_meaning(test, self.family) for test in self.tests))

    def spelling(self) -> str:
        return " ".join(words for test in self.tests if (words := _spelling(test)))

    def protocol(self) -> int:
        """The protocol that the rule is limited to, 0 for none."""
        named = [test.value for test in self.tests if test.flag == "-p" and not test.negated]
        return named[0] if named and isinstance(named[0], int) else 0


def _meaning(test: Test, family: int) -> Predicate:
    match test:
        case Test("-s" | "-d", Hosts() as hosts, negated):
            return negate(hosts.meaning(Field.SOURCE if test.flag == "-s" else Field.DESTINATION), negated)
        case Test("-i" | "-o", str() as name, negated):
            return negate(interface(Field.IN_INTERFACE if test.flag == "-i" else Field.OUT_INTERFACE, name), negated)
        case Test("-p", int() as number, negated):
            if family == 6 and number in SKIPPED_IN_IPV6:
                return negate(FALSE, negated)
            if family == 6 and number == AH:
                return negate(
                    Opaque("-p ah for IPv6, which iptables-legacy looks past and iptables-nft does not"), negated
                )
            return negate(equals(Field.PROTOCOL, number) if number else TRUE, negated)
        case _:
            return TRUE if test.negated else FALSE


def interface(field: Field, name: str) -> Predicate:
    """An interface by its name; `+` at the end stands for any continuation, an empty one included (BI-3)."""
    if name == "+":
        return TRUE
    return Named(field, name[:-1], prefix=True) if name.endswith("+") else Named(field, name)


def parse_interface(name: str) -> str:
    """The name of an interface as a rule may write it."""
    if not 0 < len(name) <= LONGEST_NAME:
        raise Malformed(f"interface name {name!r} has not 1 to {LONGEST_NAME} characters")
    return name


def _spelling(test: Test) -> str:
    match test.value:
        case Hosts() as hosts:
            value = hosts.spelling()
            vacuous = hosts.mask == 0
        case str() as name:
            value, vacuous = name, name == "+"
        case number:
            value = spell_protocol(number)
            vacuous = test.flag == "-p" and number == 0
    if vacuous and not test.negated:
        return ""
    words = test.flag if test.flag == "-f" else f"{test.flag} {value}"
    return f"! {words}" if test.negated else words


def parse(options: tuple[Option, ...], family: int) -> Builtin:
    """Read the options; their order does not matter."""
    tests = []
    for option in sorted(options, key=lambda option: ORDER.index(option.flag)):
        value: Hosts | str | int
        match option.flag:
            case "-s" | "-d":
                value = parse_hosts(option.arguments[0], family)
            case "-i" | "-o":
                value = parse_interface(option.arguments[0])
            case "-p":
                value = parse_protocol(option.arguments[0])
                if option.negated and value == 0:
                    raise Malformed("the rule matches no protocol at all (`! -p all`)")
            case _:
                value = 0
                if family == 6:
                    raise Malformed("-f does not exist for IPv6")
        tests.append(Test(option.flag, value, option.negated))
    return Builtin(family, tuple(tests))


ORDER = ("-s", "-d", "-i", "-o", "-p", "-f")
MODULE = MatchModule(
    "builtin",
    "addresses, interfaces, protocol and fragments",
    arity={"-s": 1, "-d": 1, "-i": 1, "-o": 1, "-p": 1, "-f": 0},
    parse=parse,
    synonyms={
        "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i",
        "--out-interface": "-o", "--protocol": "-p", "--fragment": "-f", "--fragments": "-f",
    },
)  # fmt: skip
