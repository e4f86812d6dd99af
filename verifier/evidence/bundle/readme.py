"""What every bundle says of itself.

Spec: specs/evidence.md
"""

from __future__ import annotations

README = """\
# Evidence that a node's iptables rules do what its NetworkPolicies say

`chainproof evidence export` has written this. Everything that was proved or refuted stands here so that it can be checked
without chainproof, by reading and with any solver that reads SMT-LIB 2.

    manifest.json              what was asked and answered, on which assumptions; the hash of every file, read or written
    nodes/NAME/ipv4.smt2       what the node's rules do and what its policies ask, as definitions over the bits of a
    nodes/NAME/ipv6.smt2       packet, then one query per question
    nodes/NAME/ipv4.proof      for every query that is unsat, the steps by which that can be checked
    nodes/NAME/refuted/*.json  for every query that is sat, a packet

Every query asks for a packet that the node treats otherwise than it must: one that must be accepted and is not, or that must
not be accepted and is. `unsat` means that there is none. In the manifest every question (a pod, a path, an address family)
names its queries: proved where all of them are unsat, refuted where some are sat. A question without queries is not claimed:
its `reasons`, or `not-exported` of its family, say why.

## To check it

By the small checker that comes with chainproof, and by a second solver where one is installed:

    chainproof evidence check DIR

By solvers alone, with the answers in the order of the queries:

    z3 nodes/NAME/ipv4.smt2
    cvc5 --incremental nodes/NAME/ipv4.smt2
    bitwuzla nodes/NAME/ipv4.smt2

## To read a script

Top down: the fields of a packet; how a traversal of the chains stands; every set and chain of the dump, rule by rule, each
with the file and line that it was read from; which packets there are; what each policy allows, with the pods that it speaks
of; and for every path what must pass, what must not, and what the compiler documents to do otherwise. The comment above each
query says what it asks.
"""
