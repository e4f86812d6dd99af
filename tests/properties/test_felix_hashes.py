"""The identifiers that are published for Felix's names and rules come out of tests/felix, and so of our notes."""

from __future__ import annotations

import re

from tests.felix.dialect import Dialect, identity, limited
from tests.felix.line import jump, rule, spelled
from tests.felix.samples import policy
from tests.felix.tables import Node
from tests.pages.world import expand_cluster

HASH = re.compile(r'--comment "cali:([\w-]{16})"')
POD = "pod default/db-8d66ff5f7-bp6kf 10.0.0.2 app=db"


def hashes(dump: str, chain: str) -> list[str]:
    """The identifiers of a chain's rules, in order."""
    return [found[1] for line in dump.splitlines() if line.startswith(f"-A {chain} ") and (found := HASH.search(line))]


def test_rules_of_a_published_pod() -> None:
    """Every rule of a pod's chains, and of its policy's, as a cluster of the v3.8 to v3.15 era printed them."""
    spec = {"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"]}
    allowed = {"podSelector": {"matchLabels": {"networking/allow-db-access": "true"}}}
    shown = policy("allow-db-access", spec | {"ingress": [{"from": [allowed]}]}, "default")
    dump = Node(Dialect((3, 12)), expand_cluster(POD), [shown]).saved()
    assert hashes(dump, "cali-tw-cali95aa86cbb2a") == [
        "eCrqwxNk3cKw9Eq6", "_krp5nzavhAu5avJ", "Cu-tVtfKKu413YTT", "leBL64hpAXM9y4nk", "pm-LK-c1ra31tRwz",
        "q_zG8dAujKUIBe0Q", "FUDVBYh1Yr6tVRgq", "X19Z-Pa0qidaNsMH", "Ljj0xNidsduxDGUb", "0z9RRvvZI9Gud0Wv",
        "pNCpK-SOYelSULC1", "sMkvrxvxj13WlTMK",
    ]  # fmt: skip
    assert hashes(dump, "cali-fw-cali95aa86cbb2a") == [
        "3XN24uu3MS3PMvfM", "xyfc0rlfldUi6JAS", "wG4_76ot8e_QgXek", "Ze6pH1ZM5N1pe76G", "3bjax7tRUEJ2Uzew",
        "0pCFB_VsKq1qUOGl", "mbgUOxlInVlwb2Ie", "I7GVOQegh6Wd9EMv", "g5ViWVLiyVrKX91C", "RBmQDo38EoPmxJ0I",
    ]  # fmt: skip
    assert hashes(dump, "cali-pi-_tTE-E7yY40ogArNVgKt") == ["M4Und37HGrw6jUk8", "sEnlfZagUFRSPRoe"]
    assert "cali40s:LrVD8vMIGQDyv8Y7sPFB1Ge src" in dump


def test_rules_of_built_in_chains() -> None:
    """Inserted and appended jumps, and the forward chain with default marks."""
    dump = Node(Dialect((3, 30)), [], []).saved()
    assert hashes(dump, "FORWARD") == ["wUHhoiAYhphO9Mso", "S93hcgKJrXEqnTfs", "mp77cMpurHhyjLrM"]
    assert hashes(dump, "INPUT") == ["Cz_u1IQiXIMmKD4c"]
    assert set(hashes(dump, "OUTPUT")) == {"tVnHkvAo15HuiPy0"}
    assert set(hashes(dump, "PREROUTING")) == {"6gwbT8clXdHdC1b1"}
    assert hashes(dump, "POSTROUTING") == ["O3lYWMrLQYEMJtB5", "0i8pjzKKPyA34aQD"]
    assert hashes(dump, "cali-to-wl-dispatch") == ["7KNphB1nNHw80nIO"]
    assert hashes(dump, "cali-from-wl-dispatch") == ["zTj6P0TIgYvgz-md"]
    assert hashes(dump, "cali-FORWARD") == [
        "W_vvds1Nw3n9QE2f", "ZfgmjuiLaA8Pg0kp", "tAzwBLPaV-j53OOZ", "4Z0Pf0byo05NFe-P", "hQ7Oc16wmUtLuneJ",
        "rnKNH2WxGcRQcIlD",
    ]  # fmt: skip


def test_a_rule_depends_on_those_before_it() -> None:
    """The same rule has another identifier in another place."""
    same = rule(to=jump("DROP"))
    first, second = spelled("cali-x", [same, same])
    assert first != second


def test_names() -> None:
    """Names that are cut, and sets by what they stand for."""
    assert limited("cali-pri-", "ksa.kube-system.coredns") == "cali-pri-_u2Tn2rSoAPffvE7JO6"
    assert limited("cali-pri-", "ksa.calico-system.calico-kube-controllers") == "cali-pri-_nzzjLvInId1gPHmQz_"
    assert identity("s", "all()") == "s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug"
    assert Dialect((3, 0)).set_name("s", 'namespace == "default"') == "cali4-s:CEmFgJFwDvohR01JKvOkO8D"
