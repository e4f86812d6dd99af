"""Recorded nodes that are broken in one way: the root cause that is named is the one that was seeded."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.corpus_path import corpus
from verifier import session
from verifier.compilers import by_name, recognise
from verifier.model.finding import Answer, Finding, Reason, RootCause
from verifier.model.options import VerifyOptions
from verifier.questions.variants import alone
from verifier.questions.verify import verify_node
from verifier.readers.snapshot import read_snapshot

RULES, SETS, POLICIES = "nodes/node-a/iptables-save", "nodes/node-a/ipset-save", "cluster/networkpolicies.yaml"
COUNT = r"^(\[\d+:\d+\] )?"
CALICO_JUMP = COUNT + r"(-A FORWARD .*-j cali-FORWARD)$"
KUBE_ROUTER_JUMP = COUNT + r"(-A FORWARD .*-j KUBE-ROUTER-FORWARD)$"
AZURE_JUMP = COUNT + r"(-A FORWARD .*-j AZURE-NPM)$"
WEAVE_JUMP = COUNT + r"(-A FORWARD -i weave .*-j WEAVE-NPC-EGRESS)$"
NEW_POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: extra, namespace: monitoring}
spec: {podSelector: {}, policyTypes: [Egress]}
"""
Edit = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Seed:
    """A fault put into a recording, the reasons that every finding must have, and words of some sentence."""

    recording: str
    fault: str
    edits: Sequence[Edit]
    reasons: tuple[Reason, ...]
    words: str


def sub(name: str, pattern: str, by: str, count: int = 1) -> Edit:
    """Replace in one file what the pattern finds, which must be there."""

    def edit(root: Path) -> None:
        path = root / name
        text = path.read_text()
        changed = re.sub(pattern, by, text, count=count, flags=re.MULTILINE)
        assert changed != text, f"nothing in {name} is like {pattern}"
        path.write_text(changed)

    return edit


def new_policy(root: Path) -> None:
    (root / "cluster" / "extra.yaml").write_text(NEW_POLICY)


CHANGED = sub(POLICIES, r"generation: 1", "generation: 2", count=0)
SEEDS = [
    Seed(
        "calico/shop",
        "a set lacks a member",
        [sub(SETS, r"^add cali40s:yrf3DPFMo9O1VZUlpfwg_vp 10.244.1.6\n", "")],
        (Reason.SETS,),
        "(the pods of to[0] of egress[0] of policy shop/api-egress) lacks 10.244.1.6 (shop/db-0)",
    ),
    Seed(
        "calico/shop",
        "a set of a port by name lacks a member",
        [sub(SETS, r"^add cali40n:Ng9a6LX2Rpo1BadzfeJlUKu 10.244.1.6,tcp:9187\n", "")],
        (Reason.SETS,),
        "lacks 10.244.1.6,tcp:9187",
    ),
    Seed(
        "calico/shop",
        "a set holds a stranger",
        [sub(SETS, r"^(add (cali40s:\S+) 10.244.1.\d+)$", r"\1\nadd \2 203.0.113.9")],
        (Reason.SETS,),
        "wrongly holds 203.0.113.9 (no pod of the cluster)",
    ),
    Seed(
        "calico/shop",
        "the jump is gone",
        [sub(RULES, CALICO_JUMP, "")],
        (Reason.FOREIGN,),
        "nothing in filter/FORWARD enters cali-FORWARD: the jump into calico's chains is missing",
    ),
    Seed(
        "calico/shop",
        "every jump is gone",
        [sub(RULES, COUNT + r"-A (?:INPUT|FORWARD|OUTPUT) .*-j cali-(?:INPUT|FORWARD|OUTPUT)$", "", count=0)],
        (Reason.FOREIGN,),
        "the jump into calico's chains is missing",
    ),
    Seed(
        "calico/shop",
        "somebody accepts before",
        [sub(RULES, CALICO_JUMP, r"-A FORWARD -p tcp -m tcp --dport 8080 -j ACCEPT\n\2")],
        (Reason.FOREIGN,),
        "in filter/FORWARD, which is not calico's, accepts the packet before the jump into calico's chains",
    ),
    Seed(
        "calico/shop",
        "somebody drops before, in a chain of their own",
        [sub(RULES, CALICO_JUMP, r"-A MYFW -s 10.244.0.0/16 -j DROP\n-A FORWARD -j MYFW\n\2")],
        (Reason.FOREIGN,),
        "in filter/MYFW, which is not calico's, drops the packet before the jump into calico's chains",
    ),
    Seed(
        "calico/shop",
        "somebody's rule is in Calico's chain",
        [sub(RULES, COUNT + r"(-A cali-FORWARD )", r"-A cali-FORWARD -p udp -j ACCEPT\n\2")],
        (Reason.FOREIGN,),
        "in filter/cali-FORWARD, which is not calico's, accepts the packet",
    ),
    Seed(
        "calico/shop",
        "the end of a pod's chain no longer drops",
        [sub(RULES, COUNT + r"-A cali-tw-cali\w+ .*(?:End of tier|Drop if no policies passed).*-j DROP$", "")],
        (Reason.CHAINS,),
        "chain logic: wrong even if every set held what its selector selects now",
    ),
    Seed(
        "calico/shop",
        "a rule opens another port, and the policy never changed",
        [sub(RULES, r"(-A cali-pi-\S+ .*)--dports 3000", r"\g<1>--dports 3001")],
        (Reason.CHAINS,),
        "chain logic",
    ),
    Seed(
        "calico/shop",
        "a policy is younger",
        [new_policy],
        (Reason.POLICY,),
        "nothing of the egress of policy monitoring/extra is in the dump",
    ),
    Seed(
        "calico/shop",
        "a policy's peer changed",
        [sub(POLICIES, r"            app: payments$", "            app: frontend")],
        (Reason.POLICY,),
        "policy shop/api-egress asked for set cali40s:REStzrMzM-fdSvmKUMOgKsL when it was compiled",
    ),
    Seed(
        "calico/shop",
        "a policy's port changed",
        [sub(POLICIES, r"port: 3000", "port: 3001"), CHANGED],
        (Reason.POLICY,),
        "opens tcp 3000, which no rule of it has, and its spec has changed since it was created (generation 2)",
    ),
    Seed(
        "calico/shop",
        "a policy selects other pods",
        [sub(POLICIES, r"(    podSelector:\n      matchLabels:\n        )app: frontend", r"\1app: cart"), CHANGED],
        (Reason.POLICY,),
        "the dump applies the ingress of policy shop/edge-to-frontend to other pods than it selects now",
    ),
    Seed(
        "kube-router/shop",
        "a set lacks a member",
        [sub(SETS, r"^add KUBE-DST-PRC7RKSK2D4QMYPK 10.244.1.6 timeout 0\n", "")],
        (Reason.SETS,),
        "lacks 10.244.1.6 (shop/db-0)",
    ),
    Seed(
        "kube-router/shop",
        "a set holds a stranger",
        [sub(SETS, r"^(add (KUBE-SRC-\S+) 10.244.1.\d+) timeout 0$", r"\1 timeout 0\nadd \2 203.0.113.9 timeout 0")],
        (Reason.SETS,),
        "wrongly holds 203.0.113.9 (no pod of the cluster)",
    ),
    Seed(
        "kube-router/shop",
        "the jump is gone",
        [sub(RULES, KUBE_ROUTER_JUMP, "")],
        (Reason.FOREIGN,),
        "nothing in filter/FORWARD enters KUBE-ROUTER-FORWARD: the jump into kube-router's chains is missing",
    ),
    Seed(
        "kube-router/shop",
        "every jump is gone",
        [sub(RULES, COUNT + r"-A (?:INPUT|FORWARD|OUTPUT) .*-j KUBE-ROUTER-\w+$", "", count=0)],
        (Reason.FOREIGN,),
        "the jump into kube-router's chains is missing",
    ),
    Seed(
        "kube-router/shop",
        "the jump comes too late",
        [sub(RULES, KUBE_ROUTER_JUMP, r"-A FORWARD -s 10.244.0.0/16 -j ACCEPT\n\2")],
        (Reason.FOREIGN,),
        "which is not kube-router's, accepts the packet before the jump into kube-router's chains",
    ),
    Seed(
        "kube-router/shop",
        "somebody drops before, in a chain of their own",
        [sub(RULES, KUBE_ROUTER_JUMP, r"-A MYFW -s 10.244.0.0/16 -j DROP\n-A FORWARD -j MYFW\n\2")],
        (Reason.FOREIGN,),
        "in filter/MYFW, which is not kube-router's, drops the packet before the jump",
    ),
    Seed(
        "kube-router/shop",
        "a pod's chain no longer rejects",
        [sub(RULES, COUNT + r"-A KUBE-POD-FW-\S+ .*-j REJECT .*$", "")],
        (Reason.CHAINS,),
        "chain logic: wrong even if every set held what its selector selects now",
    ),
    Seed(
        "kube-router/shop-services",
        "a pod's chain no longer rejects, beside a service proxy",
        [sub(RULES, COUNT + r"-A KUBE-POD-FW-\S+ .*-j REJECT .*$", "")],
        (Reason.CHAINS,),
        "chain logic: wrong even if every set held what its selector selects now, and without the rules of others",
    ),
    Seed(
        "kube-router/shop",
        "a pod's chain asks a policy for the other direction",
        [sub(RULES, r"(-A KUBE-POD-FW-\S+ )-d (\S+)( .*policy\" -j)", r"\1-s \2\3")],
        (Reason.CHAINS,),
        "chain logic",
    ),
    Seed(
        "kube-router/shop",
        "a policy is younger",
        [new_policy],
        (Reason.POLICY,),
        "nothing of policy monitoring/extra is in the dump",
    ),
    Seed(
        "kube-router/shop",
        "a policy is gone",
        [sub(POLICIES, r"^- apiVersion: \S+\n  kind: NetworkPolicy\n  metadata:\n    name: monitoring-lockdown\n(?:  .*\n)*", "")],
        (Reason.POLICY,),
        "is of policy monitoring/monitoring-lockdown, which the cluster does not have",
    ),
    Seed(
        "kube-router/shop",
        "a policy's peer is a block now",
        [sub(POLICIES, r"      - podSelector:\n          matchLabels:\n            app: payments\n", "      - ipBlock: {cidr: 9.9.9.0/24}\n")],
        (Reason.POLICY,),
        "is for the peers that are pods in egress[1] of policy shop/api-egress, which it does not have",
    ),
    Seed(
        "kube-router/shop",
        "a policy's port changed",
        [sub(POLICIES, r"port: 3000", "port: 3001"), CHANGED],
        (Reason.POLICY,),
        "opens tcp 3000 for ingress[0] of policy monitoring/monitoring-lockdown, which has other ports",
    ),
    Seed(
        "azure/seed",
        "a pod is in none of its sets",
        [sub(SETS, r"^add azure-npm-\w+ 10.244.1.3\n", "", count=0)],
        (Reason.SETS,),
        "lacks 10.244.1.3 (default/client) and 1 more set is wrong",
    ),
    Seed(
        "azure/shop",
        "the jump is gone",
        [sub(RULES, AZURE_JUMP, "")],
        (Reason.FOREIGN,),
        "nothing in filter/FORWARD enters AZURE-NPM: the jump into azure's chains is missing",
    ),
    Seed(
        "azure/shop",
        "the jump comes too late",
        [sub(RULES, AZURE_JUMP, r"-A FORWARD -p tcp -m tcp --dport 8080 -j ACCEPT\n\2")],
        (Reason.FOREIGN,),
        "in filter/FORWARD, which is not azure's, accepts the packet before the jump into azure's chains",
    ),
    Seed(
        "weave/shop-numeric",
        "a set lacks a member",
        [sub(SETS, r"^add (weave-[^ ]+) 10.244.1.6 .*\n", "")],
        (Reason.SETS,),
        "(the pods of namespace shop) lacks 10.244.1.6 (shop/db-0)",
    ),
    Seed(
        "weave/shop-numeric",
        "one of two jumps is gone",
        [sub(RULES, WEAVE_JUMP, "")],
        (Reason.FOREIGN,),
        "nothing in filter/FORWARD enters WEAVE-NPC-EGRESS: the jump into weave's chains is missing",
    ),
    Seed(
        "weave/shop-numeric",
        "somebody drops before",
        [sub(RULES, WEAVE_JUMP, r"-A FORWARD -s 10.244.0.0/16 -j DROP\n\2")],
        (Reason.FOREIGN,),
        "in filter/FORWARD, which is not weave's, drops the packet before the jump into weave's chains",
    ),
    Seed(
        "weave/shop-numeric",
        "Weave's own drop in a built-in chain is gone",
        [sub(RULES, COUNT + r"-A FORWARD -o weave -j DROP$", "")],
        (Reason.CHAINS,),
        "chain logic: wrong even if every set held what its selector selects now",
    ),
]  # fmt: skip


def findings_of(path: Path) -> list[Finding]:
    report = session.verify(str(path), VerifyOptions())
    assert report.answer is Answer.REFUTED
    return [finding for node in report.nodes for finding in node.findings]


def cause(finding: Finding) -> RootCause:
    assert finding.root is not None
    return finding.root


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.recording.partition('/')[0]}: {seed.fault}")
def test_the_seeded_fault_is_the_root_cause(seed: Seed, tmp_path: Path) -> None:
    copy = tmp_path / "snapshot"
    shutil.copytree(corpus(*seed.recording.split("/")), copy)
    for edit in seed.edits:
        edit(copy)
    found = [cause(finding) for finding in findings_of(copy)]
    assert {tuple(part.reasons for part in root.parts) for root in found} == {(seed.reasons,)}
    assert any(seed.words in root.sentence for root in found), [root.sentence for root in found]


@pytest.mark.parametrize("recording", ["calico/shop-services-proxy-late", "kube-router/shop-services-proxy-last"])
def test_kube_proxy_before_the_plug_in_is_named_with_its_rule(recording: str) -> None:
    for finding in findings_of(corpus(*recording.split("/"))):
        root = cause(finding)
        assert [part.reasons for part in root.parts] == [(Reason.FOREIGN,)]
        assert "in filter/KUBE-FORWARD, which is not" in root.sentence
        assert "accepts the packet before the jump into" in root.sentence


def test_what_policies_of_other_kinds_decide_is_no_mistake_of_the_chains(tmp_path: Path) -> None:
    """Where Calico's own policies were not read, findings in which their rules decide say so and name them."""
    copy = tmp_path / "snapshot"
    shutil.copytree(corpus("calico", "shop-tiers"), copy, ignore=shutil.ignore_patterns("calico*.yaml"))
    roots = [cause(finding) for finding in findings_of(copy)]
    told = [root for root in roots if [part.reasons for part in root.parts] == [(Reason.POLICY,)]]
    assert len(told) == 6
    assert all(root.sentence.startswith("policies that were not read: ") for root in told)
    assert all("unless policies that were not read decide" in root.sentence for root in roots if root not in told)


ALONE = [
    *(("calico", name) for name in ("shop", "shop-services", "shop-services-proxy-late", "features-dual", "seed-mask")),
    *(("kube-router", name) for name in ("shop", "shop-services", "shop-services-proxy-last", "features-dual")),
    *(("weave", name) for name in ("shop", "shop-services", "features")),
    *(("azure", name) for name in ("shop", "shop-services", "shop-services-proxy-last")),
]


@pytest.mark.parametrize(("compiler", "recording"), ALONE)
def test_a_compiler_alone_does_what_the_policies_say(compiler: str, recording: str) -> None:
    """Nothing that the compiler writes itself is taken for somebody else's."""
    snapshot = read_snapshot(str(corpus(compiler, recording)))
    for node in snapshot.nodes:
        profile = recognise(node)
        assert profile.name == compiler
        by_itself = alone(node, profile)
        assert by_itself.separable
        assert by_itself.missing == ()
        repaired = by_itself.node or node
        verdict = verify_node(snapshot, repaired, profile, VerifyOptions(), deviations=profile.deviations(node))
        assert verdict.answer is Answer.PROVED


@pytest.mark.parametrize("compiler", ["calico", "kube-router"])
def test_no_recording_shows_signs_of_a_changed_policy(compiler: str) -> None:
    profile = by_name(compiler)
    for path in sorted(corpus(compiler).iterdir()):
        snapshot = read_snapshot(str(path))
        for node in snapshot.nodes:
            assert [sign.sentence for sign in profile.signs(node, snapshot.cluster) if not sign.unread] == []


def test_three_defects_of_kube_router_have_their_own_root_causes() -> None:
    """Sets of ports by name hold too much; blocks share a set by kube-router's own rule; rules stand in wrong chains."""
    found = findings_of(corpus("kube-router", "scale-small"))
    counted = Counter(tuple(part.reasons for part in cause(finding).parts) for finding in found)
    assert counted == {((Reason.SETS,),): 10, ((Reason.CHAINS,),): 6, ((Reason.SETS,), (Reason.CHAINS,)): 3}
    sentences = [cause(finding).sentence for finding in found]
    assert any("whose port http is 8081) wrongly holds 10.244.1.2 (ns02/p0000)" in each for each in sentences)
    assert any("it is not stale: kube-router puts all blocks of a rule into one set" in each for each in sentences)
