"""What the Azure NPM profile reads out of a dump and computes from policies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.compilers.dumps import node, recorded
from verifier.compilers import azure_signs, recognise
from verifier.compilers.azure import MODULE as AZURE
from verifier.compilers.azure_deviations import accepted
from verifier.compilers.azure_names import Era, Permission, Target, chain_name, permission_of, set_name, target_of
from verifier.model.cluster import Cluster
from verifier.model.fields import ConnState, Field
from verifier.model.ipset import SetContent
from verifier.model.origin import Origin
from verifier.model.policy import Direction, Policy
from verifier.model.predicate import TRUE, equals
from verifier.model.written import WrittenBlock, WrittenPeer, WrittenPolicy, WrittenRule, WrittenSelector

SCENARIOS = ("seed", "shop", "features", "scale-small", "shop-services", "shop-services-proxy-last")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_recordings_are_recognised(scenario: str) -> None:
    """By the jump from FORWARD, kube-proxy beside it or not."""
    (read,) = recorded("azure", scenario).nodes
    assert recognise(read) is AZURE


@pytest.mark.parametrize("chain", ["AZURE-NPM", "AZURE-NPM-INGRESS-PORT"])
def test_hook_is_enough(chain: str) -> None:
    """Empty before the first policy, or of the first generation."""
    assert recognise(node(f"-A FORWARD -j {chain}", f"-N {chain}")) is AZURE


@pytest.mark.parametrize("chain", ["AZURE-NPMX", "AZURE-IPMASQ"])
def test_other_chains_of_azure_are_not_its_own(chain: str) -> None:
    """Only the name itself and what follows it after a dash."""
    assert not AZURE.own_chain("filter", chain)
    assert recognise(node(f"-A FORWARD -j {chain}", f"-N {chain}")) is not AZURE


@pytest.mark.parametrize(
    ("text", "era", "name"),
    [
        ("ns-test", Era.SHA, "azure-npm-343gyx4g1wf87lwlewvk"),
        ("podlabel-x:YMaaIZ", Era.SHA, "azure-npm-61b0uqiiz2delucbmvi2"),
        ("ns-msobb-target", Era.SHA, "azure-npm-42xi2gy762uhahnxfutd"),
        ("ns-y", Era.FNV, "azure-npm-2837910840"),
        ("podlabel-pod:a", Era.FNV, "azure-npm-3922407721"),
        ("nslabel-ns:y", Era.FNV, "azure-npm-2146053937"),
        ("nslabel-all-namespaces", Era.FNV, "azure-npm-1639206293"),
        ("nestedlabel-pod:a:b", Era.FNV, "azure-npm-2682470511"),
        ("ns-msobb-target", Era.FNV, "azure-npm-2900316864"),
        ("podlabel-x:YMaaIZ", Era.FNV, "azure-npm-2900316864"),
    ],
)
def test_set_names(text: str, era: Era, name: str) -> None:
    """The vectors of the repository, a collision among them."""
    assert set_name(text, era) == name


@pytest.mark.parametrize(
    ("policy", "era", "suffix"),
    [
        ("y/base", Era.FNV, "2697641196"),
        ("kube-system/konnectivity-agent", Era.FNV, "3618314628"),
        ("x/test1", Era.SHA, "jo5gdwc4t2"),
        ("y/base", Era.SHA, "7oj1cz9mmz"),
        ("x/p8", Era.SHA, "0yhx88f6tc"),
    ],
)
def test_chain_names(policy: str, era: Era, suffix: str) -> None:
    """The same suffix in both directions."""
    assert chain_name(policy, Direction.INGRESS, era) == f"AZURE-NPM-INGRESS-{suffix}"
    assert chain_name(policy, Direction.EGRESS, era) == f"AZURE-NPM-EGRESS-{suffix}"


@pytest.mark.parametrize(
    ("comment", "told"),
    [
        (
            "INGRESS-POLICY-y/base-TO-podlabel-pod:a-AND-ns-y-IN-ns-y",
            Target(Direction.INGRESS, "y/base", frozenset({"podlabel-pod:a", "ns-y"}), "y"),
        ),
        (
            "EGRESS-POLICY-y/to-from-FROM-!podlabel-a-AND-ns-y-IN-ns-y",
            Target(Direction.EGRESS, "y/to-from", frozenset({"!podlabel-a", "ns-y"}), "y"),
        ),
        ("INGRESS-POLICY-y/all-TO-all-IN-ns-y", Target(Direction.INGRESS, "y/all", frozenset(), "y")),
        ("ALLOW-ALL", Permission(frozenset())),
        ("ALLOW-ALL-ON-UDP-TO-PORT-53", Permission(frozenset(), "UDP", "53")),
        (
            "ALLOW-FROM-nslabel-ns:x-AND-nestedlabel-y/base:pod:b:c-ON-TCP-TO-PORT-80:90",
            Permission(frozenset({"nslabel-ns:x", "nestedlabel-y/base:pod:b:c"}), "TCP", "80:90"),
        ),
        ("ALLOW-TO-ns-x-ON-TCP-TO-namedport:web", Permission(frozenset({"ns-x"}), "TCP", "web")),
        ("DROP-ALL", None),
        ("SET-INGRESS-ALLOW-MARK-0x200/0x200", None),
    ],
)
def test_comments(comment: str, told: Target | Permission | None) -> None:
    """What comments say of jumps and rules."""
    assert (target_of(comment) or permission_of(comment)) == told


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_recorded_comments_retell_the_policies(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one comment of the recordings says anything else than its policy does, so nothing shows a change."""
    monkeypatch.setattr(azure_signs, "possible", lambda *_: True)
    snapshot = recorded("azure", scenario)
    (read,) = snapshot.nodes
    assert AZURE.signs(read, snapshot.cluster) == ()
    assert any(True for _ in azure_signs.jumps(read))


def test_without_policies_every_recorded_chain_is_a_stranger() -> None:
    """Each policy and direction of the dump is told by a sign of its own."""
    snapshot = recorded("azure", "shop")
    (read,) = snapshot.nodes
    told = AZURE.signs(read, replace(snapshot.cluster, tiers=()))
    assert len(told) == len(list(azure_signs.jumps(read))) > 5
    assert all(sign.certain and "does not have" in sign.sentence for sign in told)


def test_signs_of_a_policy_that_selects_otherwise_now() -> None:
    """Other pods enter its chain; what is rejected whole cannot be missed, other policies can."""
    snapshot = recorded("azure", "seed")
    (read,) = snapshot.nodes
    (tier,) = snapshot.cluster.tiers
    (policy,) = tier.policies
    written = policy.written
    assert written is not None
    for changed, told in (
        (
            replace(written, generation=2, pods=WrittenSelector((("app", "other"),))),
            "other pods enter the ingress chain",
        ),
        (replace(written, name="fresh"), "nothing of policy default/fresh"),
        (replace(written, name="fresh", ingress=(WrittenRule((WrittenPeer(block=WrittenBlock("::/0")),)),)), ""),
    ):
        now = replace(policy, name=f"{changed.namespace}/{changed.name}", written=changed)
        cluster = replace(snapshot.cluster, tiers=(replace(tier, policies=(now,)),))
        signs = [sign for sign in AZURE.signs(read, cluster) if sign.policy == now.name]
        assert [told in sign.sentence for sign in signs] == [True] * bool(told)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_recorded_sets_are_explained_and_right(scenario: str) -> None:
    """Every set of a recording has a computed name and holds what that stands for."""
    snapshot = recorded("azure", scenario)
    (read,) = snapshot.nodes
    ideal = AZURE.ideal_sets(read, snapshot.cluster)
    assert read.sets is not None
    assert set(ideal) == set(read.sets)
    assert [name for name, each in ideal.items() if each.content is not read.sets[name]] == []


def test_a_list_without_one_of_its_sets_is_not_right() -> None:
    """What it should hold is a list of the same sets."""
    snapshot = recorded("azure", "features")
    (read,) = snapshot.nodes
    assert read.sets is not None
    name = set_name("nslabel-env:prod", Era.SHA)
    whole = read.sets[name]
    cut = replace(whole, content=SetContent("list:set", 1, (), whole.content.lists[1:]))
    ideal = AZURE.ideal_sets(replace(read, sets={**read.sets, name: cut}), snapshot.cluster)
    assert sorted(ideal[name].content.content.lists) == sorted(whole.content.lists)


def test_a_list_with_a_set_too_many_is_not_right() -> None:
    """Unless that set is empty."""
    snapshot = recorded("azure", "features")
    (read,) = snapshot.nodes
    assert read.sets is not None
    name = set_name("nslabel-env:prod", Era.SHA)
    whole = read.sets[name]
    for extra, right in (("ns-z", False), ("ns-empty", True)):
        lists = (*whole.content.lists, set_name(extra, Era.SHA))
        loaded = replace(whole, content=SetContent("list:set", 1, (), lists))
        ideal = AZURE.ideal_sets(replace(read, sets={**read.sets, name: loaded}), snapshot.cluster)
        assert (ideal[name].content is loaded) == right


def test_a_list_whose_set_is_not_loaded_stands_for_pods() -> None:
    """Then its pods are told one by one."""
    snapshot = recorded("azure", "features")
    (read,) = snapshot.nodes
    assert read.sets is not None
    name, inner = set_name("nslabel-team:blue", Era.SHA), set_name("ns-y", Era.SHA)
    loaded = {each: content for each, content in read.sets.items() if each != inner}
    loaded[name] = replace(loaded[name], content=SetContent("list:set", 1, (), ()))
    ideal = AZURE.ideal_sets(replace(read, sets=loaded), snapshot.cluster)
    assert len(ideal[name].content.content.members) == len(read.sets[inner].content.members) > 0


def test_jump_is_for_new_packets() -> None:
    """Entered by others its chains would drop replies."""
    (rule,) = AZURE.jumps("filter", "FORWARD")
    assert rule.match == equals(Field.STATE, ConnState.NEW)
    assert AZURE.jumps("filter", "INPUT") == AZURE.jumps("nat", "FORWARD") == ()


def test_note_where_rules_stand_behind_the_jump() -> None:
    """Not where there are none, nor before the first policy."""
    jump, rest = "-A FORWARD -j AZURE-NPM", "-A FORWARD -j DROP"
    assert AZURE.notes(node(jump, rest, "-A AZURE-NPM -j ACCEPT"), Cluster())
    assert not AZURE.notes(node(rest, jump, "-A AZURE-NPM -j ACCEPT"), Cluster())
    assert not AZURE.notes(node(jump, rest, "-N AZURE-NPM"), Cluster())


def _with_block(cidr: str, *directions: Direction) -> Policy:
    written = WrittenPolicy("x", "p", ingress=(WrittenRule((WrittenPeer(block=WrittenBlock(cidr)),)),))
    return Policy("NetworkPolicy", "x/p", dict.fromkeys(directions, TRUE), (), Origin(""), written)


@pytest.mark.parametrize(
    ("cidr", "kept"),
    [("10.0.0.0/8", True), ("0.0.0.0/0", True), ("10.0.0.0/0", False), ("::/0", False), ("fd00::/8", False)],
)
def test_blocks_that_reject_a_policy(cidr: str, *, kept: bool) -> None:
    """Only in a direction in which the policy counts."""
    policy = _with_block(cidr, Direction.INGRESS)
    assert (accepted(policy) is policy) == kept
    assert accepted(other := _with_block(cidr, Direction.EGRESS)) is other
