"""Pages on settings and neighbours of Felix: other carriers, IPVS, limits, logs, endpoints that are switched off."""

from __future__ import annotations

from tests.felix.dialect import Dialect
from tests.felix.pages import WEB, Page, both, instead, without

V332 = Dialect((3, 32))
V312 = Dialect((3, 12))
TW, FW = "cali-tw-cali551b05c3e54", "cali-fw-cali551b05c3e54"
WEB_IF, API_IF = "cali551b05c3e54", "cali50d8cbfc60a"
LEAK = "refuted\nleak remote-to-pod tcp 8.8.8.8:40000 -> shop/web:80"

FLANNEL = (
    '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD\n'
    '-A FLANNEL-FWD -s 10.0.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT\n'
    '-A FLANNEL-FWD -d 10.0.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT\n'
)
CANAL = both(
    instead(r"^:cali-FORWARD ", ":FLANNEL-FWD - [0:0]\n:cali-FORWARD "),
    instead(r"^(-A FORWARD .*--set-xmark 0x10000/0x10000)$", rf"\1\n{FLANNEL.rstrip()}"),
)
IPVS = both(
    instead(
        r"^:cali-INPUT ",
        f":cali-forward-check - [0:0]\n:cali-set-endpoint-mark - [0:0]\n:cali-sm-{WEB_IF} - [0:0]\n:cali-sm-{API_IF} - [0:0]\n"
        ":cali-forward-endpoint-mark - [0:0]\n:cali-from-endpoint-mark - [0:0]\n:cali-INPUT ",
    ),
    instead(
        r"^(-A cali-INPUT -i cali\+ .*)$",
        r"-A cali-INPUT -j MARK --set-xmark 0x0/0xfff00000\n-A cali-INPUT -j cali-forward-check\n"
        r"-A cali-INPUT -m mark ! --mark 0x0/0xfff00000 -j RETURN\n\1",
    ),
    instead(
        r"^(-A cali-OUTPUT -o cali\+ .*RETURN)$",
        r"-A cali-OUTPUT -m mark ! --mark 0x0/0xfff00000 -g cali-forward-endpoint-mark\n\1",
    ),
    instead(
        r"^(-A cali-wl-to-host )",
        r"-A cali-forward-check -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN\n"
        r'-A cali-forward-check -p tcp -m comment --comment "To kubernetes NodePort service" -m multiport --dports 30000:32767 -m set --match-set cali40this-host dst -g cali-set-endpoint-mark\n'
        r'-A cali-forward-check -p udp -m comment --comment "To kubernetes NodePort service" -m multiport --dports 30000:32767 -m set --match-set cali40this-host dst -g cali-set-endpoint-mark\n'
        r'-A cali-forward-check -m comment --comment "To kubernetes service" -m set ! --match-set cali40this-host dst -j cali-set-endpoint-mark\n'
        rf"-A cali-set-endpoint-mark -i {API_IF} -g cali-sm-{API_IF}\n"
        rf"-A cali-set-endpoint-mark -i {WEB_IF} -g cali-sm-{WEB_IF}\n"
        r'-A cali-set-endpoint-mark -i cali+ -m comment --comment "Unknown endpoint" -j DROP\n'
        r'-A cali-set-endpoint-mark -m comment --comment "Non-Cali endpoint mark" -j MARK --set-xmark 0x100000/0xfff00000\n'
        rf"-A cali-sm-{WEB_IF} -j MARK --set-xmark 0x5400000/0xfff00000\n"
        rf"-A cali-sm-{API_IF} -j MARK --set-xmark 0x7b00000/0xfff00000\n"
        r"-A cali-forward-endpoint-mark -m mark ! --mark 0x100000/0xfff00000 -j cali-from-endpoint-mark\n"
        r"-A cali-forward-endpoint-mark -o cali+ -j cali-to-wl-dispatch\n"
        r"-A cali-forward-endpoint-mark -j cali-to-hep-forward\n"
        r"-A cali-forward-endpoint-mark -j MARK --set-xmark 0x0/0xfff00000\n"
        r'-A cali-forward-endpoint-mark -m comment --comment "Policy explicitly accepted packet." -m mark --mark 0x10000/0x10000 -j ACCEPT\n'
        rf"-A cali-from-endpoint-mark -m mark --mark 0x5400000/0xfff00000 -g cali-fw-{WEB_IF}\n"
        rf"-A cali-from-endpoint-mark -m mark --mark 0x7b00000/0xfff00000 -g cali-fw-{API_IF}\n"
        r'-A cali-from-endpoint-mark -m comment --comment "Unknown interface" -j DROP\n'
        r"\1",
        1,
    ),
)
LOGGING = instead(
    r"^(-A cali-pi-knp/shop/web -p tcp .*)$",
    r'-A cali-pi-knp/shop/web -m limit --limit 10/min -j LOG --log-prefix "calico-packet: " --log-level 5\n'
    r'-A cali-pi-knp/shop/web -j NFLOG --nflog-prefix "API0|knp/shop/web" --nflog-group 1 --nflog-size 80\n\1',
)
RATE = instead(
    rf"^(-A {TW} .*RELATED,ESTABLISHED.*)$",
    rf"-A {TW} -j MARK --set-xmark 0x0/0x80000\n"
    rf'-A {TW} -m comment --comment "Mark packets within ingress packet rate limit" -m limit --limit 1000/sec --limit-burst 5000 -j MARK --set-xmark 0x80000/0x80000\n'
    rf'-A {TW} -m comment --comment "Drop packets over ingress packet rate limit" -m mark ! --mark 0x80000/0x80000 -j DROP\n'
    rf"-A {TW} -j MARK --set-xmark 0x0/0x80000\n\1",
)

PAGES = (
    Page(
        "calico-canal",
        "Canal: Calico's policies over flannel",
        V332,
        "flannel carries and masquerades, Calico applies policies. flannel's chain accepts whatever has an address of a pod, behind Calico's own rules: what these refuse never gets there.",
        [WEB],
        "The carrier accepts first",
        instead(r"(?s)^(-A FORWARD [^\n]*-j cali-FORWARD)$(.*?)^(-A FORWARD [^\n]*-j FLANNEL-FWD)$", r"\3\n\1\2"),
        f'{LEAK}\n    rule contains "FLANNEL-FWD"',
        prepared=CANAL,
        profile="compiler calico\nown filter cali-FORWARD\nnot own filter FLANNEL-FWD",
    ),
    Page(
        "calico-ipvs",
        "Calico beside kube-proxy in IPVS mode: endpoint marks",
        V312,
        "With IPVS a packet for a Service goes through INPUT and OUTPUT instead of FORWARD. `cali-INPUT` gives what is for a Service the mark of its endpoint and lets it go on to OUTPUT, where the mark leads to the endpoint's chain. "
        "What a pod sends to its node is told apart by port and by the set of the node's addresses.",
        [WEB],
        "An endpoint without a mark",
        without(rf"-A cali-set-endpoint-mark -i {API_IF}"),
        "refuted\nblocked pod-to-node tcp shop/api:40000 -> 192.168.0.10:30080\n"
        '    rule contains "Unknown endpoint"\nno blocked pod-to-node tcp shop/api:40000 -> 192.168.0.10:443\nno leak',
        prepared=IPVS,
        sets="create cali40this-host hash:ip family inet hashsize 1024 maxelem 1048576\nadd cali40this-host 192.168.0.10\n",
        profile="chain cali-forward-check marks for services in IPVS mode",
    ),
    Page(
        "calico-logs",
        "Calico: rules that log let everything go on",
        V332,
        "A rule of Calico's own policies can log, at a rate; flow logs copy packets to a program. Neither decides anything, whether the rate is used up or not.",
        [WEB],
        "A target that nobody knows",
        instead(r"-j NFLOG --nflog-prefix .*", "-j FLOWOFFLOAD --hw"),
        'undecided\nbecause "FLOWOFFLOAD"',
        prepared=LOGGING,
    ),
    Page(
        "calico-packet-rate",
        "Calico: a limit of packets is a matter of time",
        Dialect((3, 30)),
        "A pod can be given a limit of packets or of connections. What is within it is judged by the policies; nobody knows from a dump which packet is beyond. Only what no limit can change is proved: the pod without one.",
        [WEB],
        "Without the limit",
        without(r"(Mark packets within|Drop packets over)"),
        "proved",
        good='undecided\nbecause "-m limit"',
        prepared=RATE,
    ),
    Page(
        "calico-endpoint-switched-off",
        "Calico: an endpoint that is switched off",
        V312,
        "An endpoint can be administratively down; then its chains hold one rule. No NetworkPolicy says so, and what is lost is a finding.",
        [WEB],
        "Switched on again, but for the way out",
        instead(
            r"^-A cali-tw-cali50d8cbfc60a .*Endpoint admin disabled.*$",
            "-A cali-tw-cali50d8cbfc60a -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
            "-A cali-tw-cali50d8cbfc60a -j cali-pri-kns.shop",
        ),
        "refuted\nblocked pod-to-remote tcp shop/api:40000 -> 8.8.8.8:443\nno blocked remote-to-pod tcp 8.8.8.8:40000 -> shop/api:80",
        good="refuted\nblocked remote-to-pod tcp 8.8.8.8:40000 -> shop/api:80\n"
        '    rule contains "Endpoint admin disabled"\nblocked pod-to-remote tcp shop/api:40000 -> 8.8.8.8:443\nno leak',
        prepared=both(
            *(
                both(
                    instead(rf"^-A {chain}-cali50d8cbfc60a .*\n", ""),
                    instead(
                        r"^(-A cali-wl-to-host )",
                        rf'-A {chain}-cali50d8cbfc60a -m comment --comment "Endpoint admin disabled" -j DROP\n\1',
                        1,
                    ),
                )
                for chain in ("cali-fw", "cali-tw")
            )
        ),
    ),
    Page(
        "calico-openstack",
        "Calico in OpenStack: interfaces that begin with tap, services of the node",
        Dialect((3, 12), prefix="tap", to_host="DROP"),
        "OpenStack names interfaces after ports of its own, so no name can be computed: the node's routes tell whose they are. "
        "DHCP and DNS of the node are let through before a pod's egress chain is asked.",
        [WEB],
        "A pod is missing in the dispatch",
        without(r"-A cali-to-wl-dispatch -o tap0a1b2c3d4e5"),
        'refuted\nblocked remote-to-pod tcp 8.8.8.8:40000 -> shop/api:80\n    rule contains "Unknown interface"\nno leak',
        prepared=both(
            instead(r"tap50d8cbfc60a", "tap0a1b2c3d4e5"),
            instead(r"tap551b05c3e54", "tapffeeddccbba"),
            instead(
                r"^(-A cali-wl-to-host )",
                r"-A cali-wl-to-host -p udp -m udp --sport 68 --dport 67 -j ACCEPT\n"
                r"-A cali-wl-to-host -p udp -m udp --dport 53 -j ACCEPT\n\1",
                1,
            ),
        ),
        renamed={"tap50d8cbfc60a": "tap0a1b2c3d4e5", "tap551b05c3e54": "tapffeeddccbba"},
        profile="prefixes tap\ninterface shop/web\ninterface shop/api",
    ),
)
