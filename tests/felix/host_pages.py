"""Pages on what is not for pods alone: host endpoints with Calico's own policies, and a pod's neighbours in IPv6."""

from __future__ import annotations

from tests.felix.dialect import Dialect
from tests.felix.host_endpoints import GlobalPolicy, HostEndpoint, port
from tests.felix.pages import API, WEB, Page, egress, ingress, instead, without

V332 = Dialect((3, 32))
PODS6 = """\
namespace shop team=a
node node-a fd00::10
node node-b fd00::11
pod shop/web fd01::2 app=web
pod shop/api fd01::3 app=api"""

PAGES = (
    Page(
        "calico-host-endpoint-2.6",
        "Calico 2.6: a host endpoint's policies do not see pods' packets",
        Dialect((2, 6)),
        "In 2.x what goes to or comes from a pod's interface is accepted before the chains of host endpoints are entered, so whatever these hold, pods' packets are the pods' policies' alone.",
        [WEB],
        "The host endpoint is asked first",
        instead(r"^(-A cali-FORWARD -i cali\+ .*dispatch)$", r"-A cali-FORWARD -j cali-from-host-endpoint\n\1"),
        "refuted\nblocked remote-to-pod tcp 8.8.8.8:40000 -> shop/api:23\nno blocked remote-to-pod tcp 8.8.8.8:40000 -> shop/api:80",
        hosts=(HostEndpoint("eth0", (GlobalPolicy("no-telnet", "normal", "deny", port("tcp", 23)),)),),
    ),
    Page(
        "calico-host-endpoint-forward",
        "Calico: a host endpoint lets forwarded packets through by default",
        V332,
        "Without a policy that is to apply on forwarding, the chains of a host endpoint for forwarded packets (`cali-fhfw-`, `cali-thfw-`) accept. Failsafe ports and policies for the node itself concern nobody else.",
        [WEB],
        "Policies apply on forwarding in one direction, and the other has no default",
        instead(r"-A cali-thfw-eth0 .*by default.*", "-A cali-thfw-eth0 -j DROP"),
        "refuted\nblocked pod-to-remote tcp shop/api:40000 -> 8.8.8.8:443\n"
        '    rule contains "-A cali-thfw-eth0 -j DROP"\nno blocked remote-to-pod\nno leak',
        hosts=(HostEndpoint("eth0", (GlobalPolicy("no-telnet", "normal", "deny", port("tcp", 23)),)),),
        profile="chain cali-thfw-eth0 forwarded egress of host endpoint eth0\nown filter cali-failsafe-in",
    ),
    Page(
        "calico-host-endpoint-wildcard",
        "Calico: a host endpoint for every interface leaves local pods alone",
        V332,
        "The endpoint of `*` is entered for every interface, those of pods among them; on the way out it is skipped for them, and on the way in its accept bit is cleared again before a pod's own chain.",
        [WEB],
        "The way to local pods is not skipped, and nothing is allowed there",
        instead(r"-A cali-to-hep-forward -o cali\+ .*", "-A cali-to-hep-forward -o cali+ -j DROP"),
        "refuted\nblocked remote-to-pod tcp 8.8.8.8:40000 -> shop/api:80\nblocked pod-to-pod tcp shop/api -> shop/web:80\nno blocked pod-to-remote",
        hosts=(HostEndpoint("*"),),
    ),
    Page(
        "calico-apply-on-forward",
        "Calico: a global policy that applies on forwarding is none of the NetworkPolicies",
        V332,
        "A GlobalNetworkPolicy with `applyOnForward` denies telnet through eth0, to pods as well. No NetworkPolicy says so: that is a finding, and a note names the policy.",
        [WEB],
        "Without its rule nothing is denied",
        without(r"-A cali-pi-gnp/no-telnet .*0x40000/0x40000 -j DROP"),
        "proved",
        good="refuted\nfindings 1\nblocked remote-to-pod tcp 8.8.8.8:40000 -> shop/api:23\n"
        '    rule contains "GlobalNetworkPolicy no-telnet"\n'
        'because "1 policy that the NetworkPolicies read here do not contain, and what it changes is a finding: Calico GlobalNetworkPolicy no-telnet"',
        hosts=(HostEndpoint("eth0", (GlobalPolicy("no-telnet", "forward", "deny", port("tcp", 23)),)),),
        profile="note Calico GlobalNetworkPolicy no-telnet",
    ),
    Page(
        "calico-before-translation",
        "Calico: a policy before translation acts in the mangle table",
        V332,
        "A GlobalNetworkPolicy with `preDNAT` stands in the mangle table, before destinations are translated: what it drops never reaches a pod's chain. What it accepts carries the accept bit to FORWARD, where it spares the host endpoint's chain but not the pod's.",
        [WEB],
        "Its accept is a leave for everything",
        instead(r"(-A cali-tw-cali551b05c3e54 .*)--set-xmark 0x0/0x30000", r"\1--set-xmark 0x0/0x20000"),
        "refuted\nleak remote-to-pod udp 8.8.8.8:40000 -> shop/web:53",
        good="refuted\nfindings 1\nblocked remote-to-pod tcp 8.8.8.8:40000 -> shop/api:8443\n"
        '    rule contains "GlobalNetworkPolicy closed"\nno leak',
        hosts=(HostEndpoint("eth0", (GlobalPolicy("closed", "early", "deny", port("tcp", 8443)),)),),
    ),
    Page(
        "calico-ipv6-neighbours",
        "Calico in IPv6: neighbours are found whatever the policies say",
        Dialect((3, 32), family=6),
        "A pod reaches its node through its own egress chain (CAL-12), but not with the ICMPv6 messages without which it could reach nothing: `cali-wl-to-host` accepts queries and reports of multicast listeners, router solicitations and neighbour discovery first. "
        "Connection tracking does not follow them. Protocols that no NetworkPolicy decides and packets that are not tracked are to pass here, and nothing is excused.",
        [egress("silent")],
        "Neighbour solicitations are not accepted",
        without(r"icmpv6-type 135"),
        "refuted\nblocked pod-to-node ipv6-icmp shop/web -> fd00::10 icmp=135/0 state=UNTRACKED\nno blocked pod-to-node ipv6-icmp shop/api -> fd00::10 icmp=135/0 state=UNTRACKED",
        good="refuted\nblocked pod-to-node ipv6-icmp shop/web -> fd00::10 icmp=128/0\n"
        "blocked pod-to-node tcp shop/web:40000 -> [fd00::10]:443\n"
        "no blocked pod-to-node ipv6-icmp shop/web -> fd00::10 icmp=135/0 state=UNTRACKED\n"
        "no blocked pod-to-node ipv6-icmp shop/web -> fd00::10 icmp=133/0 state=UNTRACKED\n"
        "no blocked pod-to-node ipv6-icmp shop/api -> fd00::10 icmp=128/0\nno leak",
        pods=PODS6,
        options=" --strict --assume other-protocols=allow --assume untracked-state=allow",
    ),
    Page(
        "calico-ipv6",
        "Calico in IPv6: a chain per pod in either family",
        Dialect((3, 32), family=6, deny="REJECT"),
        "Felix writes the same chains with sets of their own (`cali60s:...`) and errors of their own.",
        [
            ingress(
                "web",
                {
                    "from": [API, {"ipBlock": {"cidr": "2001:db8::/32", "except": ["2001:db8:bad::/48"]}}],
                    "ports": [{"port": 80}],
                },
            )
        ],
        "The block is one bit wider",
        instead(r"-s 2001:db8::/32", "-s 2001:db8::/31"),
        'refuted\nfindings 1\nleak remote-to-pod tcp [2001:db9::1]:40000 -> shop/web:80\n    policy contains "shop/web"\nno leak remote-to-pod tcp [2001:db8:bad::1]:40000 -> shop/web:80',
        pods=PODS6,
    ),
    Page(
        "calico-untracked-policy",
        "Calico: an untracked policy takes packets out of connection tracking",
        V332,
        "A GlobalNetworkPolicy with `doNotTrack` stands in the raw table. What it allows (DNS over UDP here) is no longer tracked and spares the host endpoint's other chains, but a pod's own chain is asked all the same; failsafe ports are let through before.",
        [ingress("web", {"from": [API], "ports": [{"port": 53, "protocol": "UDP"}]})],
        "The pod's chain does not forget that the raw table accepted",
        instead(r"(-A cali-tw-cali551b05c3e54 .*)--set-xmark 0x0/0x30000", r"\1--set-xmark 0x0/0x20000"),
        'refuted\nleak remote-to-pod udp 8.8.8.8:40000 -> shop/web:53\n    policy contains "shop/web"',
        good="refuted\nfindings 1\nblocked remote-to-pod udp 8.8.8.8:40000 -> shop/web:53 state=ESTABLISHED\n"
        "no blocked remote-to-pod udp 8.8.8.8:40000 -> shop/api:53\nno leak",
        hosts=(HostEndpoint("eth0", (GlobalPolicy("dns", "untracked", "allow", port("udp", 53)),)),),
        profile="note Calico GlobalNetworkPolicy dns",
    ),
)
