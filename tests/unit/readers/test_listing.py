"""Listings of rules: each recorded rule means what its dump means; what a line leaves open; columns of odd lines."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.corpus_path import corpus
from verifier.matches import MATCHES
from verifier.model.effect import Assign, Effect, Finish, Unknown, Verdict
from verifier.model.fields import Field
from verifier.model.listing import Listing
from verifier.model.origin import InputError, Origin
from verifier.model.predicate import FALSE, All, AnyOf, Not, Opaque, Predicate
from verifier.model.ruleset import Chain, Rule
from verifier.readers.iptables_save import read_ruleset
from verifier.readers.listing import is_listing, read_listing
from verifier.readers.listing_line import WITHOUT_INTERFACES
from verifier.targets import TARGETS

RECORDED = json.loads((Path(__file__).parent / "listed_rules.json").read_text("utf-8"))
VERBOSE = "    pkts      bytes target     prot opt in     out     source               destination"
BRIEF = "target     prot opt source               destination"
LESS = ("hashlimit", "osf", "policy", "quota", "time", "HMARK", "NOTRACK")
"""Extensions whose listing leaves something out, so that only their opaque wording differs."""
NOT_PRINTED = ("eui64",)
"""iptables-nft prints nothing at all for it."""
NOT_RECORDED = ("udplite", "ipvs", "nfacct", "rateest", "CLUSTERIP", "LED", "SECMARK", "ULOG", "comment")
"""Extensions that the recording machine's kernel lacks (their forms come from the tool's own printing functions)."""


def chain(rule: str, header: str = VERBOSE, name: str = "FORWARD") -> str:
    return f"Chain {name} (policy ACCEPT)\n{header}\n{rule}\n"


def read(text: str, family: int = 4, name: str = "FORWARD", table: str = "filter") -> Chain:
    return read_listing(text, "node/iptables-list", family, table).chains[table, name]


def saved(entry: dict[str, Any]) -> tuple[Rule, str, str]:
    hook = entry["save"].split()[1]
    dump = f"*{entry['table']}\n:{hook} ACCEPT [0:0]\n:user - [0:0]\n{entry['save']}\nCOMMIT\n"
    found = read_ruleset(dump, "node/iptables-save", entry["family"]).chains[entry["table"], hook]
    return found.rules[0], hook, entry["table"]


def listed(entry: dict[str, Any], option: str) -> Rule:
    _, hook, table = saved(entry)
    header = BRIEF if option in ("-nL", "-L") else VERBOSE
    text = chain(entry[option], header, hook) + f"\nChain user (1 references)\n{header}\n"
    assert is_listing(text)
    (rule,) = read(text, entry["family"], hook, table).rules
    return rule


def bare(part: Predicate | Effect) -> object:
    """A test or an effect without the wording of what is opaque in it."""
    match part:
        case Opaque() | Unknown():
            return type(part)
        case All(parts) | AnyOf(parts):
            return type(part), tuple(map(bare, parts))
        case Not(inner):
            return Not, bare(inner)
        case _:
            return part


def named(entry: dict[str, Any], names: tuple[str, ...]) -> bool:
    return any(f"{flag} {name}" in entry["save"] for name in names for flag in ("-m", "-j"))


@pytest.mark.parametrize("entry", RECORDED, ids=[f"{e['back end']} {e['save']}" for e in RECORDED])
def test_a_listed_rule_is_the_saved_rule(entry: dict[str, Any]) -> None:
    """Test, effect and wording of each recorded rule are the same from both forms."""
    before, after = saved(entry)[0], listed(entry, "-nvxL")
    if entry["back end"] == "nft" and named(entry, NOT_PRINTED):
        assert after.match == All(())
    elif named(entry, LESS):
        assert bare(after.effect) == bare(before.effect)
        assert "policy" in entry["save"] or bare(after.match) == bare(before.match)
    else:
        assert (after.match, after.effect) == (before.match, before.effect)
        assert (after.text, after.comments) == (before.text, before.comments)
    assert after.packets == 0


@pytest.mark.parametrize("entry", RECORDED, ids=[f"{e['back end']} {e['save']}" for e in RECORDED])
def test_without_interfaces_every_rule_is_open(entry: dict[str, Any]) -> None:
    """A line of a listing without -v has the tests of the line with it, and one that may or may not hold."""
    brief, verbose = listed(entry, "-nL"), listed(entry, "-nvxL")
    parts = brief.match.parts if isinstance(brief.match, All) else (brief.match,)
    assert Opaque(WITHOUT_INTERFACES) in parts or verbose.match == FALSE
    if " -i " not in entry["save"] and " -o " not in entry["save"]:
        others = tuple(part for part in parts if part != Opaque(WITHOUT_INTERFACES))
        assert set(others) == set(verbose.match.parts if isinstance(verbose.match, All) else (verbose.match,))
    assert brief.packets is None


@pytest.mark.parametrize("entry", RECORDED, ids=[f"{e['back end']} {e['save']}" for e in RECORDED])
def test_names_never_become_a_wrong_test(entry: dict[str, Any]) -> None:
    """Without -n a rule tests nothing that the saved rule does not test."""
    before, after = saved(entry)[0], listed(entry, "-L")
    known = set(before.match.parts if isinstance(before.match, All) else (before.match,))
    found = after.match.parts if isinstance(after.match, All) else (after.match,)
    assert all(part in known or isinstance(part, Opaque) for part in found)
    assert isinstance(after.effect, Unknown) or bare(after.effect) == bare(before.effect)


def test_every_extension_has_a_listing_form() -> None:
    """Each match and target says how it is listed, and a recording shows it where the kernel has it."""
    for folder, names in (("matches", MATCHES), ("targets", TARGETS)):
        for name in names:
            assert isinstance(import_module(f"verifier.{folder}.{name.lower()}").LISTED, Listing)
            if name not in NOT_RECORDED:
                assert any(named(entry, (name,)) for entry in RECORDED), name


@pytest.mark.parametrize(
    ("text", "save"),
    [
        ("udplite dpts:1:2 spt:!3", "-p udplite -m udplite ! --sport 3 --dport 1:2"),
        ("! ipvs", "-m ipvs ! --ipvs"),
        ("vproto 6 ! vaddr 10.0.0.1 vport 80 vdir REPLY vmethod MASQ ! vportctl 21",
         "-m ipvs --vproto 6 ! --vaddr 10.0.0.1 --vport 80 --vdir REPLY --vmethod MASQ ! --vportctl 21"),
        ("nfacct-name  x", "-m nfacct --nfacct-name  x"),
        ("icmp type 3 code 4", "-p icmp -m icmp --icmp-type 3/4"),
        ("MARK match 0x1/0x3", "-m mark --mark 0x1/0x3"),
        ("CONNMARK match !0x1", "-m connmark ! --mark 0x1"),
        ("set S src,dst", "-m set --match-set S src,dst"),
        ("cgroup ! /a/b", '-m cgroup ! --path "/a/b"'),
    ],
)  # fmt: skip
def test_forms_of_other_releases(text: str, save: str) -> None:
    """Extensions that this kernel lacks, and words that other releases print."""
    number = next((number for word, number in (("udplite", 136), ("icmp", 1)) if text.startswith(word)), 0)
    rule = read(chain(f"0 0 DROP {number} -- * * 0.0.0.0/0 0.0.0.0/0 {text}")).rules[0]
    assert rule.text == f"-A FORWARD {save} -j DROP"


@pytest.mark.parametrize(
    ("target", "text", "save"),
    [
        ("LED", 'led-trigger-id:"foo" led-delay:7ms led-always-blink',
         '--led-trigger-id "foo" --led-delay 7 --led-always-blink'),
        ("SECMARK", "SECMARK selctx a:b:c:d", "--selctx a:b:c:d"),
        ("ULOG", 'ULOG copy_range 10 nlgroup 1 prefix "xy" queue_threshold 5',
         '--ulog-cprange 10 --ulog-nlgroup 1 --ulog-prefix "xy" --ulog-qthreshold 5'),
        ("CLUSTERIP", "CLUSTERIP hashmode=sourceip clustermac=01:00:5E:00:00:01 total_nodes=2 local_node=1 hash_init=5",
         "--hashmode sourceip --clustermac 01:00:5E:00:00:01 --total-nodes 2 --local-node 1 --hash-init 5"),
    ],
)  # fmt: skip
def test_targets_that_this_kernel_lacks(target: str, text: str, save: str) -> None:
    """The printing functions of the tool's extensions say how these look."""
    rule = read(chain(f"0 0 {target} 0 -- * * 0.0.0.0/0 0.0.0.0/0 {text}")).rules[0]
    assert rule.text == f"-A FORWARD -j {target} {save}"


def test_a_rate_is_not_told_from_a_listing() -> None:
    """A listing prints rates in other units and another order."""
    rule = read(chain("0 0 DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 rateest match x bps 125000 gt")).rules[0]
    assert bare(rule.match) == (All, (Opaque, Opaque))


def test_spaces_may_have_been_squeezed() -> None:
    """A pasted line has one blank where the tool printed many."""
    first, second = read(chain("1 2 tcp -- * eth0 0.0.0.0/0 10.0.0.1\n3 4 DROP !6 -- !a+ * 0.0.0.0/0 !10.0.0.1")).rules
    assert first.text == "-A FORWARD -d 10.0.0.1/32 -o eth0 -p tcp"
    assert second.text == "-A FORWARD ! -d 10.0.0.1/32 ! -i a+ ! -p tcp -j DROP"
    assert (first.packets, second.packets, first.origin) == (1, 3, Origin("node/iptables-list", 3))


def test_rounded_counters_are_not_known() -> None:
    """`12K` may be any number that rounds to it."""
    (rule,) = read(chain(" 12K  3M DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0")).rules
    assert rule.packets is None


def test_policy_counters_and_references_are_kept() -> None:
    """The head of a chain says what met its policy, or how many rules lead to it."""
    text = f"Chain FORWARD (policy DROP 7 packets, 300 bytes)\n{VERBOSE}\n\nChain a (2 references)\n{VERBOSE}\n"
    chains = read_listing(text, "x", 4).chains
    assert (chains["filter", "a"].references, chains["filter", "a"].policy) == (2, None)
    assert chains["filter", "FORWARD"].packets == 7
    assert chains["filter", "FORWARD"].policy is Verdict.DROP


def test_a_set_name_with_the_signs_of_a_comment() -> None:
    """Weave's names of sets hold every sign; a comment begins only as a word of its own."""
    (rule,) = read(chain("0 0 DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 match-set weave-j/*T+c src /* x */")).rules
    assert rule.text == "-A FORWARD -m set --match-set weave-j/*T+c src -m comment --comment x -j DROP"


def test_a_quoted_text_may_hide_where_it_ends() -> None:
    """What stands between the quotation marks of two strings may be part of one string."""
    text = '0 0 DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 STRING match  "a" ALGO name bm tcp STRING match  "b" ALGO name bm'
    (rule,) = read(chain(text)).rules
    assert "-m tcp" not in rule.text
    assert any(isinstance(part, Opaque) and "may end later" in part.text for part in getattr(rule.match, "parts", ()))


def test_what_a_target_does_may_be_hidden_in_a_string() -> None:
    """Behind several quotation marks, a target's options may be part of a string; behind comments they are not."""
    line = "0 0 MARK 0 -- * * 0.0.0.0/0 0.0.0.0/0"
    strings = 'STRING match  "a" ALGO name bm STRING match  "b" ALGO name bm MARK or 0x1'
    first, second = read(chain(f"{line} {strings}\n{line} /* a */ tcp /* b */ MARK or 0x1")).rules
    assert isinstance(first.effect, Unknown)
    assert second.effect == Assign(Field.MARK, 1, 1)
    assert isinstance(second.match, Opaque)


def test_tables_in_any_company() -> None:
    """Blank lines, order and repetition tell where the next table begins, also without user chains."""
    heads = {
        "raw": ("PREROUTING", "OUTPUT"), "filter": ("INPUT", "FORWARD", "OUTPUT"),
        "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
        "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    }  # fmt: skip
    for order in (("raw", "filter", "nat", "mangle"), ("nat", "raw", "mangle", "filter"), ("mangle", "filter", "raw")):
        for blank in ("\n", ""):
            text = blank.join("\n".join(chain("", VERBOSE, name) for name in heads[table]) for table in order)
            found = read_listing(text, "x", 4).chains
            gaps = {table for (table, _), each in found.items() if each.rules}
            assert gaps == set(heads) - set(order)


def test_a_mixture_that_fits_no_table_is_refused() -> None:
    """Chains of several tables, one behind the other, are not guessed into one."""
    with pytest.raises(InputError, match="nothing tells the table"):
        read_listing("\n".join(chain("", VERBOSE, name) for name in ("PREROUTING", "FORWARD")), "x", 4)


def test_a_listing_without_a_last_line_end_may_be_cut_off() -> None:
    """The last line may have lost its end."""
    text = chain("0 0 DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 mark match 0x1/0x1").rstrip("\n")
    gap, rule = read(text).rules
    assert isinstance(gap.effect, Unknown)
    assert rule.effect == Finish(Verdict.DROP)


@pytest.mark.parametrize(
    "recording", ["calico/seed-mask", "calico/scale", "weave/scale", "kube-router/scale", "azure/scale"]
)
def test_recorded_listings_are_recorded_dumps(recording: str) -> None:
    """Every rule of a recorded filter table is the same, word for word, from its listing and from its dump."""
    node = corpus(*recording.split("/"), "nodes", "node-a")
    before = read_ruleset((node / "iptables-save").read_text("utf-8"), "save", 4).chains
    after = read_listing((node / "iptables-list").read_text("utf-8"), "list", 4).chains
    for key, chain_before in before.items():
        if key[0] == "filter":
            rules = [(r.text, r.match, r.effect, r.comments, r.packets) for r in chain_before.rules]
            assert [(r.text, r.match, r.effect, r.comments, r.packets) for r in after[key].rules] == rules
