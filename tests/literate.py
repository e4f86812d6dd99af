"""The one grammar of executable pages: which fenced blocks a page may hold, and what each of them asserts.

Pages are specs/**/*.md, tests/cases/**/*.md, tests/bugs/**/*.md and examples/**/README.md. Nothing has to be
registered: a new page or a new block is found by itself and becomes a test (tests/test_literate.py).

A *section* is a heading with what follows it up to the next heading. A section with an asserting block is a *case*,
named `FILE:HEADING`. A heading that begins with a clause number (`### NP-4 A pod is isolated per direction`) makes
everything below it, deeper headings included, the cases of that clause. Fenced blocks with other info strings (text,
math, mermaid, yaml without a second word, ...) are prose.

WORLD BLOCKS say what is there. A section sees its own and those of the headings above it. An inner block replaces an
outer one with the same info string; blocks with the same info string in one section are added up.

    ```yaml cluster             Kubernetes objects, read by the ordinary reader (several documents with ---, or a List)
    ```yaml policies            the same reader; a name of its own, so that a clause can bring its own policies
    ```json cluster             the same, as JSON
    ```cluster                  objects in short, one a line:
                                    namespace shop team=a,env=prod
                                    node node-a 192.168.0.10 fd00::10
                                    pod shop/web 10.0.0.2 fd00::2 app=web,tier=front on=node-a port=http:tcp/8080
                                        [phase=Succeeded] [host-network]
                                Namespaces that only pods name exist without labels. `on` is node-a unless given. Without
                                a `node` line every node that a pod names exists; node-a has 192.168.0.10 and fd00::10.
    ```iptables-save [NODE]     what that node has loaded; NODE is node-a unless given
    ```ip6tables-save [NODE]    A block without a line that begins with `*` holds only rules (-A, -N, -P): it is the
                                filter table, its built-in chains accept, its other chains are declared by their use.
    ```ipset-save [NODE]        as `ipset save` prints it
    ```json addresses [NODE]    as `ip -j addr` prints it          ```json routes [NODE]    as `ip -j route`

ASSERTING BLOCKS. Empty lines and lines that begin with # say nothing.

    ```packets                  one packet a line, judged by the reference and by every encoder:

        VERDICT HOOK PACKET [KEY=VALUE ...]
            accept forward tcp 10.0.0.1:1000 -> 10.0.0.2:80 in=eth0 out=cali1 state=NEW mark=0x0 mark=>0x10000
            drop input icmp 10.0.0.1 -> 192.168.0.10 icmp=8/0
            unknown output udp 192.168.0.10 -> 10.0.0.2:53 reason="-m recent"
        VERDICT accept, drop, or unknown (something opaque decides). HOOK forward, input or output: the whole path
        through all tables (specs/chains/traversal.md). Keys: in, out (default: eth0 and eth1 where the hook has them),
        state (NEW), mark, connmark (0), flags (SYN; names with commas or a number), icmp (TYPE or TYPE/CODE, echo request
        unless given), ctstatus (DNAT, SNAT), physin, physout, bridged (1), node (node-a, or the only one).
        mark=>N: the mark after the last hook. reason="TEXT": some reason for unknown contains TEXT.

        JUDGEMENT DIRECTION PACKET [KEY=VALUE ...]
            allow ingress tcp shop/api -> shop/web:8080
            deny egress udp shop/web -> 8.8.8.8:53
            deny both tcp shop/api -> shop/db:5432
            any both sctp ...
        What the policies say. JUDGEMENT allow, deny, or any (unspecified: an assumption at its default).
        DIRECTION ingress (the destination's policies), egress (the source's), both (the conjunction).

        PACKET is PROTOCOL END[:PORT] -> END[:PORT]. PROTOCOL a name or a number. END an address, a bracketed IPv6
        address with a port, or namespace/name of a pod: then its address in the other end's family (4 when both are
        names, or as family=6 says). Ports not given are 40000 -> 80 where the protocol has ports.

    ```match OPTIONS            matches of one rule, as written between -A CHAIN and -j; likewise ```match6 for IPv6
        yes|no|unknown PACKET [KEY=VALUE ...] [hook=input]
                                judged as the first rule of FORWARD (or of the hook named) with the sets in sight

    ```answer verify [OPTIONS]  what `chainproof verify` (with these options) says about the world:
        proved|refuted|undecided                                        first line; the exit code must agree
        leak|blocked PATH [PACKET [KEY=VALUE ...]]                      a finding of this kind and path exists, and its
                                                                        region holds the packet (PACKET without ports:
                                                                        some port)
            cause contains "TEXT"                                       the finding of the line above has it in its
            policy contains "TEXT"   rule contains "TEXT"               cause, its policies, its chain rules
        no leak|blocked [PATH [PACKET [KEY=VALUE ...]]]                 no such finding
        because "TEXT"                                                  some reason for undecided contains TEXT
        findings N                                                      exactly so many

    ```error                    the snapshot is refused (exit code 2); every line is a text that the error contains

    ```console                  commands after `$ `, run for real, with what they print; all console blocks of a page are
                                one story in one shell, in a copy of the repository's examples, so that a tutorial may
                                delete a rule. `...` on its own is any number of lines, within a line any text. A
                                command must exit 0, unless its line ends in `# exit N`. Commands that install this
                                project or run its tests are not run again.
"""
