"""Random targets of a rule, as its table and the hooks before it allow them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.fuzz.matching import Place
from tests.fuzz.pool import Pool

ANSWERS = {
    4: ("icmp-port-unreachable", "icmp-admin-prohibited", "icmp-host-unreachable", "icmp-net-prohibited"),
    6: ("icmp6-port-unreachable", "icmp6-adm-prohibited", "icmp6-no-route", "icmp6-addr-unreachable"),
}
CONTINUING = ("", "", '-j LOG --log-prefix "dropped: "', "-j NFLOG --nflog-group 7")
MANGLING = {
    4: ("-j TTL --ttl-set 33", "-j DSCP --set-dscp 0x04", "-j TOS --set-tos 0x10/0x3f"),
    6: ("-j HL --hl-set 33", "-j DSCP --set-dscp 0x04", "-j TOS --set-tos 0x10/0x3f"),
}


@dataclass(frozen=True, slots=True)
class Jump:
    """A target as it is written; `needs` is the protocol that the rule has to have, "" for any."""

    text: str
    needs: str = ""


def jump(pool: Pool, place: Place, callees: list[str]) -> Jump:
    """What a rule does: enters one of these chains, ends, marks, or goes on."""
    roll = pool.choose.random()
    if callees and roll < 0.3:
        return Jump(f"{pool.pick(('-j', '-j', '-g'))} {pool.pick(callees)}")
    if roll < 0.45:
        return Jump(marking(pool))
    if roll < 0.52:
        return Jump("-j RETURN")
    if roll < 0.58:
        return Jump(pool.pick(CONTINUING))
    if place.table == "nat":
        return _translation(pool, place)
    if place.table == "raw" and roll < 0.75:
        return Jump(pool.pick(("-j NOTRACK", "-j CT --notrack")))
    if place.table == "mangle" and roll < 0.66:
        return Jump(pool.pick(MANGLING[pool.family]))
    if place.table == "filter" and roll < 0.66:
        return _rejection(pool)
    return Jump(pool.pick(("-j ACCEPT", "-j ACCEPT", "-j DROP")))


def marking(pool: Pool) -> str:
    """An assignment or a copy of mark bits, in every form in which people write it."""
    value, mask = pool.mark(), pool.mask()
    target = pool.pick(("MARK", "MARK", "MARK", "CONNMARK"))
    if target == "CONNMARK" and pool.chance(0.6):
        flag = pool.pick(("--save-mark", "--restore-mark"))
        masks = pool.pick(("", f" --nfmask {pool.mask():#x} --ctmask {pool.mask():#x}", f" --mask {mask:#x}"))
        return f"-j CONNMARK {flag}{masks}"
    forms = (
        f"--set-xmark {value:#x}/{mask:#x}",
        f"--set-xmark {value:#x}/{mask:#x}",
        f"--set-mark {value:#x}/{mask:#x}",
        f"--set-mark {value:#x}",
        f"--and-mark {mask:#x}",
        f"--or-mark {value:#x}",
        f"--xor-mark {value:#x}",
    )
    return f"-j {target} {pool.pick(forms)}"


def _rejection(pool: Pool) -> Jump:
    if pool.chance(0.2):
        return Jump("-j REJECT --reject-with tcp-reset", needs="tcp")
    return Jump(f"-j REJECT --reject-with {pool.pick(ANSWERS[pool.family])}" if pool.chance(0.8) else "-j REJECT")


def _translation(pool: Pool, place: Place) -> Jump:
    """What the nat table is for: a new destination before routing, a new source after it."""
    if place.only("PREROUTING", "OUTPUT") and pool.chance(0.8):
        first = pool.host()
        last = min((1 << pool.bits) - 1, first + pool.pick((1, 3)))
        text = pool.address(first) if pool.chance(0.85) else f"{pool.address(first)}-{pool.address(last)}"
        if pool.chance(0.55):
            low, high = pool.span()
            ports = str(low) if low == high or pool.chance(0.7) else f"{low}-{high}"
            text = f"[{text}]:{ports}" if pool.family == 6 else f"{text}:{ports}"
            needs = pool.pick(("tcp", "tcp", "udp", "sctp"))
            return Jump(f"-j DNAT --to-destination {text}", needs) if low else Jump("-j ACCEPT")
        return Jump(f"-j DNAT --to-destination {text}")
    if place.only("POSTROUTING") and pool.chance(0.5):
        return Jump(pool.pick(("-j MASQUERADE", f"-j SNAT --to-source {pool.address(pool.hosts[0])}")))
    return Jump("-j ACCEPT")
