"""Pages of tests/bugs: what Calico once got wrong, in a dump of today."""

from __future__ import annotations

from tests.felix.dialect import Dialect
from tests.felix.pages import API, EDGE, PODS, WEB, Page, both, ingress, instead, without

V332 = Dialect((3, 32))
TW, FW, API_TW = "cali-tw-cali551b05c3e54", "cali-fw-cali551b05c3e54", "cali-tw-cali50d8cbfc60a"
PASSING = (
    f'-A {TW} -m comment --comment "Start of tier security" -j MARK --set-xmark 0x0/0x20000\\n'
    f"-A {TW} -m mark --mark 0x0/0x20000 -j cali-pi-gnp/audit\\n"
    f'-A {TW} -m comment --comment "Return if policy accepted" -m mark --mark 0x10000/0x10000 -j RETURN\\n'
    f'-A {TW} -m comment --comment "End of tier security. Drop if no policies passed packet" -m mark --mark 0x0/0x20000 -j DROP\\n'
)
PODS_WITH_PORTS = PODS.replace("app=web", "app=web port=http:tcp/8080").replace("app=api", "app=api port=http:tcp/81")


def _group(dump: str) -> str:
    """The name of the dump's only group."""
    return next(word for word in dump.split() if word.startswith("cali-gi-"))


PAGES = (
    Page(
        "a-protocol-without-ports-is-any-protocol",
        "A protocol without ports is any protocol",
        V332,
        "A rule for all ports of TCP was compiled without its protocol, and let everything in.\n\nSource: Calico, libcalico-go issue 364.\n\nClauses: NP-42.",
        [ingress("web", {"from": [API], "ports": [{"protocol": "TCP"}]})],
        "The protocol is lost",
        instead(r"(-A cali-pi-knp/shop/web) -p tcp", r"\1"),
        'refuted\nfindings 1\nleak pod-to-pod udp shop/api -> shop/web:53\n    policy contains "shop/web"\n    rule contains "KubernetesNetworkPolicy shop/web ingress"\nno blocked',
        folder="bugs",
    ),
    Page(
        "the-drop-of-a-tunnel-takes-other-ports-along",
        "The drop of a tunnel takes other ports along",
        V332,
        "Pods may not send VXLAN. The rule that sees to it also dropped packets that are none.\n\nSource: Calico, felix issue 2086 and calico issue 6752.\n\nClauses: CAL-10.",
        [WEB],
        "A second port is dropped",
        instead(rf"(-A {FW} .*)--dports 4789", r"\1--dports 4789,8472"),
        "refuted\nblocked pod-to-remote udp shop/web:40000 -> 8.8.8.8:8472\n"
        '    rule contains "Drop VXLAN encapped packets"\nno blocked remote-to-pod\nno leak',
        folder="bugs",
    ),
    Page(
        "a-refused-rule-blocks-all-later-updates",
        "A refused rule blocks all later updates",
        V332,
        "One rule that the kernel would not take made every later update fail, so that policies made since were not in force.\n\nSource: Calico issue 10563.\n\nClauses: NP-4.",
        [WEB, ingress("api", app="api")],
        "The dump is from before the second policy",
        both(
            without(rf"-A {API_TW} .*(Start of tier|Return if policy|End of tier)"),
            without(rf"-A {API_TW} .*-j cali-pi-"),
            without(r"cali-pi-knp/shop/api"),
        ),
        'refuted\nleak remote-to-pod tcp 8.8.8.8:40000 -> shop/api:80\n    policy contains "shop/api"\nno blocked',
        folder="bugs",
    ),
    Page(
        "a-policy-is-in-the-wrong-group",
        "A policy is in the wrong group",
        V332,
        "Policies that select the same pods are entered as a group. Here a pod enters the group of another selector, and nobody asks its own policy.\n\nSource: Calico, groups of policies since calico pull request 8098; the mutation that ignores the selector.\n\nClauses: NP-4.",
        [
            WEB,
            ingress("web-edge", {"from": [EDGE], "ports": [{"port": 443}]}),
            ingress("api", {"from": [EDGE], "ports": [{"port": 53}]}, app="api"),
        ],
        "The group of the other pods",
        lambda dump: instead(rf"(-A {API_TW} .*)-j cali-pi-knp/shop/api", rf"\1-j {_group(dump)}")(dump),
        "refuted\nblocked remote-to-pod tcp edge/job -> shop/api:53\n"
        "leak remote-to-pod tcp edge/job -> shop/api:443\n"
        '    policy contains "shop/api"\nno leak remote-to-pod tcp 8.8.8.8:40000 -> shop/api:443',
        folder="bugs",
    ),
    Page(
        "the-end-of-a-port-range-is-ignored",
        "The end of a port range is ignored",
        Dialect((3, 22)),
        "`endPort` was not known, and a range was its first port.\n\nSource: Calico before v3.19, conversion of ports.\n\nClauses: NP-44.",
        [ingress("web", {"from": [API], "ports": [{"port": 8000, "endPort": 8010}]})],
        "The first port alone",
        instead(r"--dports 8000:8010", "--dports 8000"),
        'refuted\nfindings 1\nblocked pod-to-pod tcp shop/api -> shop/web:8001\n    policy contains "shop/web"\nno blocked pod-to-pod tcp shop/api -> shop/web:8000',
        folder="bugs",
    ),
    Page(
        "rules-for-sctp-are-left-out",
        "Rules for SCTP are left out",
        Dialect((3, 12)),
        "A protocol that was not known had its rule dropped, with a warning in a log that nobody reads.\n\nSource: Calico before v3.12, conversion of ports.\n\nClauses: NP-43.",
        [ingress("web", {"from": [API], "ports": [{"port": 7777, "protocol": "SCTP"}, {"port": 80}]})],
        "No rule for SCTP",
        without(r"-A cali-pi-\S+ -p sctp"),
        'refuted\nfindings 1\nblocked pod-to-pod sctp shop/api -> shop/web:7777\n    policy contains "shop/web"\nno leak',
        folder="bugs",
    ),
    Page(
        "a-dispatch-that-comes-back-meets-its-own-drop",
        "A dispatch that comes back meets its own drop",
        V332,
        "Dispatch goes to a pod's chain and does not come back: behind it stands the drop of interfaces that nobody knows. A jump does come back.\n\nSource: Calico, chains of dispatch; the mutation of `-g` to `-j`.\n\nClauses: CH-4, CH-5.",
        [WEB],
        "A jump",
        instead(r"(-A cali-from-wl-dispatch\S* -i cali551b05c3e54 .*)-g ", r"\1-j "),
        'refuted\nblocked pod-to-remote tcp shop/web:40000 -> 8.8.8.8:443\n    rule contains "Unknown interface"\nno blocked pod-to-remote tcp shop/api:40000 -> 8.8.8.8:443\nno leak',
        folder="bugs",
    ),
    Page(
        "the-way-in-asks-the-policies-of-the-way-out",
        "The way in asks the policies of the way out",
        Dialect((3, 12)),
        "A policy has one chain per direction. The pod's ingress enters the wrong one.\n\nSource: Calico, names of chains; the mutation that exchanges `pi` and `po`.\n\nClauses: NP-4.",
        [WEB],
        "The other chain",
        instead(rf"(-A {TW} .*-j cali-p)i-", r"\1o-"),
        'refuted\nblocked pod-to-pod tcp shop/api -> shop/web:80\n    rule contains "Drop if no policies passed packet"\nno leak',
        folder="bugs",
    ),
    Page(
        "a-named-port-is-looked-up-at-the-other-end",
        "A named port is looked up at the other end",
        V332,
        "A set for a named port holds addresses with their ports, both of the destination. With the source's address in the first place it is the sender's own port of that name that opens.\n\nSource: Calico, sets for named ports; the mutation of `dst,dst` to `src,dst`.\n\nClauses: NP-45, SET-1.",
        [ingress("web", {"from": [API], "ports": [{"port": "http"}]})],
        "The source's address",
        instead(r" dst,dst", " src,dst"),
        'refuted\nfindings 2\nblocked pod-to-pod tcp shop/api -> shop/web:8080\n    policy contains "shop/web"\n'
        "leak pod-to-pod tcp shop/api -> shop/web:81",
        folder="bugs",
        pods=PODS_WITH_PORTS,
    ),
    Page(
        "to-pass-is-taken-for-to-accept",
        "To pass is taken for to accept",
        V332,
        "A tier of Calico's own policies stands before that of the NetworkPolicies and passes everything on, which changes nothing. Its rule also set the bit of what is accepted, and nobody asked the NetworkPolicies any more.\n\nSource: Calico, felix issues 1014 and 1015.\n\nClauses: NP-64.",
        [WEB],
        "The accept bit as well",
        instead(r"(-A cali-pi-gnp/audit .*)0x20000/0x20000", r"\g<1>0x30000/0x30000"),
        'refuted\nleak remote-to-pod tcp 8.8.8.8:40000 -> shop/web:80\n    policy contains "shop/web"\n    rule contains "GlobalNetworkPolicy audit ingress"\nno blocked',
        folder="bugs",
        profile="note Calico GlobalNetworkPolicy audit",
        prepared=instead(
            rf"^(-A {TW} .*Start of tier default.*)$",
            rf'{PASSING}\1\n-A cali-pi-gnp/audit -m comment --comment "GlobalNetworkPolicy audit ingress" -j MARK --set-xmark 0x20000/0x20000',
        ),
    ),
)
