"""Random rules, written as iptables-save prints them, for every extension whose options mean something."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from verifier.matches.tcp import spell_flags

Draw = Callable[[st.SearchStrategy[str]], str]

octets = st.integers(0, 255)
ports = st.integers(0, 65535)
words = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"!-'), min_size=1, max_size=12)
"""One bare word that is no option."""

texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_characters="\x7f\x85\xa0"), max_size=20)
hexadecimal = st.integers(0, 0xFFFFFFFF).map(hex)


@st.composite
def networks(draw: st.DrawFn, family: int) -> str:
    """A network without host bits, not of prefix length 0."""
    bits = 32 if family == 4 else 128
    prefix = draw(st.integers(1, bits))
    value = draw(st.integers(0, (1 << prefix) - 1)) << (bits - prefix)
    return f"{draw(st.just(address(value, family)))}/{prefix}"


def address(value: int, family: int) -> str:
    """An address as text."""
    if family == 4:
        return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
    from socket import AF_INET6, inet_ntop

    return inet_ntop(AF_INET6, value.to_bytes(16, "big"))


@st.composite
def port_texts(draw: st.DrawFn) -> str:
    """A port or a range, but not all ports."""
    first, last = sorted((draw(ports), draw(ports)))
    if (first, last) == (0, 65535):
        last = 1
    return str(first) if first == last else f"{first}:{last}"


@st.composite
def maybe(draw: st.DrawFn, flag: str, value: st.SearchStrategy[str]) -> str:
    """The option, inverted option, or nothing."""
    form = draw(st.sampled_from(("", f"{flag} ", f"! {flag} ")))
    return form + draw(value) if form else ""


def joined(*parts: str) -> str:
    """The parts that are there, with blanks between."""
    return " ".join(filter(None, parts))


def masked(value: int, mask: int) -> str:
    """A mark test's argument as it is printed."""
    return hex(value) if mask == 0xFFFFFFFF else f"{value:#x}/{mask:#x}"


marks = st.builds(masked, st.integers(0, 0xFFFFFFFF), st.sampled_from((0xFFFFFFFF, 0xFF, 0x10000, 0)))
flags = st.integers(0, 63).map(spell_flags)
set_names = words.map(lambda word: f"s{word}")
directions = st.lists(st.sampled_from(("src", "dst")), min_size=1, max_size=3).map(",".join)
states = st.lists(
    st.sampled_from(("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED")), min_size=1, max_size=3, unique=True
).map(
    lambda names: ",".join(name for name in ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED") if name in names)
)
interfaces = st.builds(str.__add__, st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), st.sampled_from(("", "+")))
TYPES = {4: ("UNICAST", "LOCAL", "BROADCAST", "MULTICAST", "BLACKHOLE"), 6: ("UNICAST", "LOCAL", "MULTICAST")}


def address_types(family: int) -> st.SearchStrategy[str]:
    """A list of types in the order in which they are printed."""
    known = TYPES[family]
    return st.sets(st.sampled_from(known), min_size=1).map(lambda found: ",".join(t for t in known if t in found))


def quoted(text: str) -> str:
    """A text as iptables-save prints it."""
    plain = text and all((sign.isalnum() and sign.isascii()) or sign in "-_" for sign in text)
    escaped = "".join(f"\\{sign}" if sign in "\"'\\" else sign for sign in text)
    return text if plain else f'"{escaped}"'


@st.composite
def transport(draw: st.DrawFn, name: str) -> tuple[str, str]:
    """`-p NAME` and the match of that protocol."""
    parts = [draw(maybe("--sport", port_texts())), draw(maybe("--dport", port_texts()))]
    if name == "tcp" and draw(st.booleans()):
        parts.append(f"{draw(st.sampled_from(('', '! ')))}--tcp-flags {draw(flags)} {draw(flags)}")
    return f"-p {name}", joined(f"-m {name}", *parts)


@st.composite
def others(draw: st.DrawFn, family: int) -> str:
    """A match of any protocol."""
    negation = draw(st.sampled_from(("", "! ")))
    kind = draw(st.sampled_from(("mark", "connmark", "set", "state", "conntrack", "addrtype", "physdev", "comment", "iprange",
                                 "limit", "unknown", "recent", "nfacct", "rpfilter", "statistic")))  # fmt: skip
    match kind:
        case "mark" | "connmark":
            return f"-m {kind} {negation}--mark {draw(marks)}"
        case "set":
            return f"-m set {negation}--match-set {draw(set_names)} {draw(directions)}"
        case "state":
            return f"-m state {negation}--state {draw(states)}"
        case "conntrack":
            extra = draw(st.sampled_from(("", " --ctorigdstport 443", " ! --ctdir REPLY")))
            return f"-m conntrack {negation}--ctstate {draw(states)}{extra}"
        case "addrtype":
            return f"-m addrtype {negation}--dst-type {draw(address_types(family))}"
        case "physdev":
            return f"-m physdev {negation}--physdev-in {draw(interfaces)} --physdev-is-bridged"
        case "comment":
            return f"-m comment --comment {quoted(draw(texts))}"
        case "iprange":
            bits = 32 if family == 4 else 128
            first, last = sorted(draw(st.tuples(*[st.integers(0, (1 << bits) - 1)] * 2)))
            return f"-m iprange {negation}--src-range {address(first, family)}-{address(last, family)}"
        case "limit":
            return f"-m limit --limit {draw(st.integers(1, 99))}/min --limit-burst 5"
        case "recent":
            return f"-m recent --set --name {draw(words)} --rsource"
        case "nfacct":
            return f"-m nfacct --nfacct-name  {draw(words)}"
        case "rpfilter":
            return f"-m rpfilter{draw(st.sampled_from(('', ' --validmark')))}{draw(st.sampled_from(('', ' --invert')))}"
        case "statistic":
            return "-m statistic --mode random --probability 0.50000000000"
        case _:
            return f"-m future {negation}--colour {draw(words)} {quoted(draw(texts) + ' ')} --shape round"


@st.composite
def targets(draw: st.DrawFn, family: int) -> str:
    """A target, a jump, or nothing."""
    answer = "icmp-port-unreachable" if family == 4 else "icmp6-port-unreachable"
    return draw(
        st.one_of(
            st.sampled_from(("", "-j ACCEPT", "-j DROP", "-j RETURN", f"-j REJECT --reject-with {answer}", "-j user")),
            st.sampled_from(
                ("-g user", "-j cali-pi-knp/shop/api", "-j FUTURE --loud yes", "-j MASQUERADE --random-fully")
            ),
            st.builds("-j MARK --set-xmark {}/{}".format, hexadecimal, hexadecimal),
            st.builds("-j CONNMARK --restore-mark --nfmask {} --ctmask {}".format, hexadecimal, hexadecimal),
            texts.map(lambda text: f"-j LOG --log-prefix {quoted(text)}"),
        )
    )


@st.composite
def rules(draw: st.DrawFn, family: int) -> str:
    """A rule from its chain on, as iptables-save prints it."""
    head = joined(
        draw(maybe("-s", networks(family))),
        draw(maybe("-d", networks(family))),
        draw(maybe("-i", interfaces)),
        draw(maybe("-o", interfaces)),
    )
    protocol, match = draw(
        st.one_of(st.just(("", "")), *(transport(name) for name in ("tcp", "udp", "sctp", "dccp", "udplite")))
    )
    if protocol and draw(st.booleans()):
        listed = ",".join(draw(st.lists(port_texts(), min_size=1, max_size=7)))
        match = f"{match} -m multiport {draw(st.sampled_from(('', '! ')))}--dports {listed}"
    matches = draw(st.lists(others(family), max_size=3))
    place = draw(st.integers(0, len(matches)))
    return joined("-A user", head, protocol, *matches[:place], match, *matches[place:], draw(targets(family)))
