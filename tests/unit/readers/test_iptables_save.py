"""Dumps of rules: tables, chains, counters, comments, origins, and what is refused."""

from __future__ import annotations

import pytest

from verifier.model.effect import Call, Continue, Finish, Goto, Unknown, Verdict
from verifier.model.extension import Malformed
from verifier.model.origin import InputError, Origin
from verifier.model.predicate import FALSE, TRUE, All, Opaque
from verifier.model.ruleset import Chain, Rule
from verifier.readers.iptables_save import read_ruleset
from verifier.readers.rule import read_rule, spell_rule
from verifier.readers.words import split_words


def dump(
    *rules: str, heads: tuple[str, ...] = (":FORWARD ACCEPT [0:0]", ":user - [0:0]"), table: str = "filter"
) -> str:
    return "\n".join((f"*{table}", *heads, *rules, "COMMIT", ""))


def chain(text: str, name: str = "FORWARD", table: str = "filter", family: int = 4) -> Chain:
    return read_ruleset(text, "node/iptables-save", family).chains[table, name]


def only(rule: str, family: int = 4) -> Rule:
    (found,) = chain(dump(f"-A FORWARD {rule}"), family=family).rules
    return found


def refused(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read_ruleset(text, "node/iptables-save", 4)
    return caught.value


def test_counters_go_to_the_rule_and_not_to_its_text() -> None:
    """`[packets:bytes]` before a rule is its packet counter."""
    first, second = chain(dump("[12:720] -A FORWARD -p tcp -j DROP", "-A FORWARD -j user")).rules
    assert (first.packets, first.text) == (12, "-A FORWARD -p tcp -j DROP")
    assert second.packets is None


def test_counters_may_stand_in_the_rule() -> None:
    """`-c packets bytes` is the same counter."""
    assert only("-p tcp -c 7 300 -j DROP").packets == 7


def test_every_rule_and_chain_knows_its_line() -> None:
    """Origins count lines from 1."""
    found = chain(dump("-A FORWARD -j DROP"))
    assert found.origin == Origin("node/iptables-save", 2)
    assert found.rules[0].origin == Origin("node/iptables-save", 4)


def test_carriage_returns_indentation_and_a_missing_last_newline_do_not_matter() -> None:
    """Dumps come from many hands."""
    text = dump("-A FORWARD -p tcp -j DROP")
    plain = chain(text).rules[0]
    for other in (text.replace("\n", "\r\n"), text.replace("\n", "\n  "), text.rstrip("\n"), "# saved\n\n" + text):
        found = chain(other).rules[0]
        assert (found.match, found.effect, found.text) == (plain.match, plain.effect, plain.text)


def test_an_empty_file_has_no_chains() -> None:
    """A node without ip6tables rules saves nothing."""
    assert dict(read_ruleset("", "x", 6).chains) == {}


def test_policies_of_chains() -> None:
    """Built-in chains have one, with or without counters after it; user chains have none."""
    heads = (":FORWARD DROP [0:0]", ":INPUT ACCEPT", ":user - [0:0]")
    text = dump(heads=heads)
    assert chain(text).policy is Verdict.DROP
    assert chain(text, "INPUT").policy is Verdict.ACCEPT
    assert chain(text, "user").policy is None


def test_a_chain_that_only_its_rules_declare() -> None:
    """A built-in chain accepts, a user chain has no policy."""
    text = dump("-A OUTPUT -j DROP", "-A other -j DROP")
    assert chain(text, "OUTPUT").policy is Verdict.ACCEPT
    assert chain(text, "other").policy is None


def test_the_later_block_of_a_table_replaces_the_earlier() -> None:
    """Whole: chains of the earlier one are gone."""
    text = dump("-A FORWARD -j user") + dump("-A FORWARD -j DROP", heads=(":FORWARD ACCEPT [0:0]",))
    found = read_ruleset(text, "x", 4).chains
    assert list(found) == [("filter", "FORWARD")]
    assert found["filter", "FORWARD"].rules[0].effect == Finish(Verdict.DROP)


def test_one_chain_name_in_two_tables_is_two_chains() -> None:
    """Tables do not share chains."""
    text = dump("-A user -j DROP") + dump("-A user -j ACCEPT", table="mangle")
    assert chain(text, "user").rules[0].effect == Finish(Verdict.DROP)
    assert chain(text, "user", "mangle").rules[0].effect == Finish(Verdict.ACCEPT)


def test_comments_are_kept_in_order_and_without_escapes() -> None:
    """Each `-m comment` is one comment."""
    rule = only('-m comment --comment "a \\"b\\" it\\\'s \\\\" -p tcp -m comment --comment plain-words -j DROP')
    assert rule.comments == ('a "b" it\'s \\', "plain-words")
    assert rule.match == only("-p tcp -j DROP").match


def test_options_within_quotes_are_words() -> None:
    """Neither a comment nor a prefix can jump."""
    assert only('-m comment --comment "-j DROP" -j user').effect == Call("user")
    assert only('-p tcp -j LOG --log-prefix "-j DROP -m comment --comment x"').effect == Continue()
    assert (
        only('-p tcp -m comment --comment "a -m udp b" -j LOG --log-prefix " -m comment --comment "').match
        == only("-p tcp -j DROP").match
    )


def test_a_prefix_that_looks_like_an_option_is_an_argument() -> None:
    """iptables-save does not quote `-j`, so the cut at ` -j ` must notice."""
    assert only("-j LOG --log-prefix -j --log-level 4").effect == Continue()
    assert only("-m string --string -m --algo bm -j DROP").match == Opaque("-m string --string -m --algo bm")


def test_rules_of_equal_wording_share_match_and_effect() -> None:
    """Comments and counters aside; identity is the key of everything after."""
    text = dump(
        '[1:2] -A FORWARD -s 10.0.0.1/32 -m comment --comment "one" -p tcp -m mark --mark 0x1 -j DROP',
        '-A user -s 10.0.0.1/32 -m comment --comment "two" -p tcp -m mark --mark 0x1 -j DROP',
        "-A user -s 10.0.0.1/32 -p tcp -m mark --mark 0x1 -j RETURN",
    )
    (first,), (second, third) = chain(text).rules, chain(text, "user").rules
    ruleset = read_ruleset(text, "x", 4)
    (first,), (second, third) = (ruleset.chains["filter", name].rules for name in ("FORWARD", "user"))
    assert first.match is second.match
    assert first.effect is second.effect
    assert second.match is third.match


def test_a_rule_without_a_target_goes_on() -> None:
    """It counts, or a match of it has an effect."""
    rule = only("-m comment --comment counted")
    assert (rule.match, rule.effect) == (TRUE, Continue())


def test_jumps_to_chains_declared_missing_and_named_like_targets() -> None:
    """A chain of the table comes before a target extension."""
    text = dump("-A FORWARD -j LOG", "-A FORWARD -g LOG", heads=(":FORWARD ACCEPT [0:0]", ":LOG - [0:0]"))
    assert [rule.effect for rule in chain(text).rules] == [Call("LOG"), Goto("LOG")]
    assert only("-j LOG").effect == Continue()
    assert only("-j NOWHERE").effect == Call("NOWHERE")
    assert only("-j cali-pi-knp/shop/api-ingress").effect == Call("cali-pi-knp/shop/api-ingress")


def test_another_table_does_not_lend_its_chains() -> None:
    """A chain called LOG in the mangle table leaves the filter table's LOG a target."""
    mangle = dump("-A FORWARD -j LOG", heads=(":FORWARD ACCEPT [0:0]", ":LOG - [0:0]"), table="mangle")
    both = mangle + dump("-A FORWARD -j LOG") + mangle.replace("*mangle", "*security")
    assert chain(both, table="mangle").rules[0].effect == Call("LOG")
    assert chain(both).rules[0].effect == Continue()
    assert chain(both, table="security").rules[0].effect == Call("LOG")


def test_set_names_may_have_any_sign() -> None:
    """Weave's names do."""
    name = "weave-[;|!^{$#()&*?'\\]+%"
    rule = only(f"-m set --match-set {name} src -j DROP")
    assert name in str(rule.match) or repr(name)[1:-1] in str(rule.match)


@pytest.mark.parametrize(
    ("rule", "same"),
    [
        ("-d ! 10.0.0.0/8 -j DROP", "! -d 10.0.0.0/8 -j DROP"),
        ("-p tcp -m tcp --dport ! 80 -j DROP", "-p tcp -m tcp ! --dport 80 -j DROP"),
        ("-s 10.0.0.0/255.0.0.0 -j DROP", "-s 10.0.0.0/8 -j DROP"),
        ("-s 10.0.0.1 -j DROP", "-s 10.0.0.1/32 -j DROP"),
        ("-s 10.1.2.3/8 -j DROP", "-s 10.0.0.0/8 -j DROP"),
        ("-p tcp --dport 80 -j DROP", "-p tcp -m tcp --dport 80 -j DROP"),
        ("-p tcp --syn -j DROP", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP"),
        ("-p 6 -j DROP", "-p tcp -j DROP"),
        ("-p all -j DROP", "-j DROP"),
        ("--protocol tcp --source 10.0.0.1 --jump DROP", "-s 10.0.0.1/32 -p tcp -j DROP"),
        ("-p tcp -m tcp --dport=80 -j DROP", "-p tcp -m tcp --dport 80 -j DROP"),
        ("-p udp -m multiport -j DROP --dports 53,67", "-p udp -m multiport --dports 53,67 -j DROP"),
        ("-j DROP -s 10.0.0.1", "-s 10.0.0.1/32 -j DROP"),
        ("-p tcp -p tcp -j DROP", "-p tcp -j DROP"),
        ("-m state --state NEW --state NEW -j DROP", "-m state --state NEW -j DROP"),
        ("-p tcp -m multiport --dport 80,443 -j DROP", "-p tcp -m multiport --dports 80,443 -j DROP"),
        ("-p tcp\t-m tcp\t--dport 80\t-j DROP", "-p tcp -m tcp --dport 80 -j DROP"),
        ("-m mac --mac 02:00:00:00:00:01 -j DROP", "-m mac --mac-source 02:00:00:00:00:01 -j DROP"),
        ("-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"),
        ("-m conntrack --ctstate est,rel -j DROP", "-m conntrack --ctstate RELATED,ESTABLISHED -j DROP"),
    ],
)
def test_other_ways_to_write_a_rule(rule: str, same: str) -> None:
    """Old, long, short and reordered forms mean the same and are printed as iptables-save would."""
    found = only(rule)
    assert (found.match, found.effect) == (only(same).match, only(same).effect)
    assert spell_rule("FORWARD", read_rule(split_words(rule), 4)) == f"-A FORWARD {same}"


def test_quotes_that_need_not_be_there() -> None:
    """They are no part of the word."""
    assert only('-m set --match-set "web" src -j DROP').match == only("-m set --match-set web src -j DROP").match


def test_blanks_do_not_hide_a_comment() -> None:
    """However many stand between the words."""
    rule = only("-p tcp -m comment  --comment  words -j DROP")
    assert (rule.comments, rule.match) == (("words",), only("-p tcp -j DROP").match)


def test_an_unknown_extension_keeps_its_words() -> None:
    """Its arguments end at the next option; the rest of the rule is understood."""
    rule = only("-m future --colour blue green ! --shape round -p tcp -j DROP")
    assert isinstance(rule.match, All)
    assert Opaque("-m future --colour blue green ! --shape round") in rule.match.parts
    assert len(rule.match.parts) == 2


def test_an_unknown_option_of_a_known_extension_hides_the_whole_use() -> None:
    """What the new option says may change what the others say."""
    assert only("-m state --state NEW --fresh yes -j DROP").match == Opaque("-m state --state NEW --fresh yes")


def test_an_extension_that_could_not_be_printed_is_opaque() -> None:
    """Another release of iptables loaded it."""
    rule = only("-p tcp -m comment [unsupported revision] -m mark --mark 0x1 -j CT [unsupported revision]")
    assert isinstance(rule.match, All)
    assert Opaque("-m comment [unsupported revision]") in rule.match.parts
    assert isinstance(rule.effect, Unknown)
    with pytest.raises(InputError):
        only("-p tcp -m comment [unsupported")


def test_one_option_with_two_arguments_is_a_riddle() -> None:
    """Releases differ on whether the last one counts."""
    assert only("-m state --state NEW --state INVALID -j DROP").match == Opaque("-m state --state NEW --state INVALID")


def test_an_unknown_target_with_options_can_do_anything() -> None:
    """A name alone may be a missing chain; options show that it is none."""
    assert isinstance(only("-j FUTURE --loud").effect, Unknown)
    assert isinstance(only("-j REJECT --reject-with tcp-reset --loud").effect, Unknown)


def test_tests_that_no_packet_meets_make_the_rule_false() -> None:
    """A mark outside its mask, a chain of contradictions."""
    assert only("-m mark --mark 0x2/0x1 -p tcp -j DROP").match == FALSE


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("-s 10.0.0 -j DROP", "'10.0.0' is not an IPv4 address"),
        ("-s fd00::1 -j DROP", "is not an IPv4 address"),
        ("-p nothing -j DROP", "'nothing' is neither a protocol number nor the name"),
        ("-p tcp -m tcp --dport nothing -j DROP", "'nothing' is neither a port number nor the name"),
        ("-p tcp -m tcp --dport 5:4 -j DROP", "ends before it begins"),
        ("-p tcp -m tcp --dport", "argument 1 of --dport"),
        ("-j", "the argument of -j"),
        ("-j DROP -j ACCEPT", "two targets"),
        ("-m", "the argument of -m"),
        ("--dport 80 -j DROP", "'--dport' is not an option that a rule can have here"),
        ("-i a-very-long-interface-name -j DROP", "has not 1 to 15 characters"),
        ("! -j DROP", "-j cannot be inverted"),
        ("stray -j DROP", "'stray' is not an option"),
        ('-m comment --comment "open -j DROP', "quotation mark"),
        ("-s 10.0.0.1 -s 10.0.0.2 -j DROP", "appears twice"),
        ("-j MARK", "MARK takes exactly one of"),
        ("-m mark --mark red -j DROP", "'red' is not a number"),
    ],
)
def test_what_iptables_refuses_is_refused_with_the_line(rule: str, words: str) -> None:
    """The message says where, what and what to do."""
    fault = refused(dump(f"-A FORWARD {rule}"))
    assert fault.origin == Origin("node/iptables-save", 4)
    assert words in fault.problem
    assert fault.remedy


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("*filter\n:FORWARD ACCEPT [0:0]\n", 1, "no COMMIT"),
        ("*filter\n*mangle\nCOMMIT\n", 2, "no COMMIT"),
        ("COMMIT\n", 1, "outside of any table"),
        ("*filter\n:FORWARD\nCOMMIT\n", 2, "does not declare a chain"),
        ("*filter\n:FORWARD MAYBE [0:0]\nCOMMIT\n", 2, "does not declare a chain"),
        ("*filter\n:FORWARD - [0:0]\nCOMMIT\n", 2, "has no policy"),
        ("*filter\n:a - [0:0]\n:a - [0:0]\nCOMMIT\n", 3, "declared twice"),
        ("*filter\nsomething\nCOMMIT\n", 2, "no line of an iptables dump"),
        ("*filter\n[0:0] A FORWARD\nCOMMIT\n", 2, "is not a rule"),
        ("*\nCOMMIT\n", 1, "does not name a table"),
    ],
)
def test_what_is_no_dump_is_refused_with_the_line(text: str, line: int, words: str) -> None:
    """Cut, garbled and hand-made files."""
    fault = refused(text)
    assert (fault.origin.line, words in fault.problem) == (line, True)


def test_remarks_of_unseen_tables_become_rules_that_may_drop() -> None:
    """In the last chains that every packet visits; other remarks do nothing."""
    warning = "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them"
    found = read_ruleset(f"{warning}\n{dump()}# Table `x' is incompatible, use 'nft' tool.\n", "x", 4).chains
    for place in (("mangle", "POSTROUTING"), ("mangle", "INPUT")):
        assert [rule.origin.line for rule in found[place].rules] == [1, 6]
        assert all(rule.effect == Finish(Verdict.DROP) for rule in found[place].rules)
    assert list(read_ruleset("# Generated by a table saver\n" + dump(), "x", 4).chains) == list(
        read_ruleset(dump(), "x", 4).chains
    )


def test_words() -> None:
    """Outside of quotes, apostrophes and backslashes are ordinary."""
    assert split_words('a \'b \\c "d e" ""') == ["a", "'b", "\\c", "d e", ""]
    with pytest.raises(Malformed):
        split_words('a"b')
