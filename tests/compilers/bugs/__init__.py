"""Every bug that a compiler here can have, each seen at least once in a run of the tests.

`BUGS` is the table: a name, the styles in which it is tried, and the clauses of specs/ that it breaks.
"""

from __future__ import annotations

from tests.compilers.bugs import azure, calico, kube_router, peers, ports, subjects, weave
from tests.compilers.bugs.record import Bug

WRITINGS = {
    "azure": azure.WRITINGS,
    "calico": calico.WRITINGS,
    "kube-router": kube_router.WRITINGS,
    "weave": weave.WRITINGS,
}

BUGS: tuple[Bug, ...] = (
    *(
        Bug(name, styles, clauses, reads=reads)
        for part in (ports, peers, subjects)
        for name, (reads, clauses, styles) in part.READINGS.items()
    ),
    *(
        Bug(name, (style,), clauses, writes=writes)
        for style, known in WRITINGS.items()
        for name, (writes, clauses) in known.items()
    ),
)
