"""A snapshot: the cluster's documents and what each node has loaded, with the hash of every file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from verifier.model.cluster import Cluster
from verifier.model.effect import Continue
from verifier.model.ipset import IpSet
from verifier.model.node import InterfaceAddress, NodeState, Route
from verifier.model.origin import InputError, Origin
from verifier.model.ruleset import Ruleset
from verifier.model.snapshot import InputFile, Snapshot
from verifier.readers.cluster import ClusterReader
from verifier.readers.documents import read_documents, rendered
from verifier.readers.ipset_list import is_set_listing, read_set_listing
from verifier.readers.ipset_save import read_sets
from verifier.readers.iptables_save import BUILT_IN, read_ruleset
from verifier.readers.listing import is_listing, read_listing
from verifier.readers.node_files import read_addresses, read_routes
from verifier.readers.tree import Tree, open_tree
from verifier.readers.unsettled import with_unsettled

_DOCUMENTS = (".yaml", ".yml", ".json")
_RULES = {4: ("iptables-save", "iptables-list"), 6: ("ip6tables-save", "ip6tables-list")}
SETS = ("ipset-save", "ipset-list")
"""The dump, and the listing that is read where there is no dump (LST-8)."""

_LISTED = 5
"""How many links a note names."""
_ROUTES = {4: "routes.json", 6: "routes6.json"}


def read_snapshot(path: str) -> Snapshot:
    """Everything below `path`, a directory or a .tar.gz of one; InputError where it cannot be used.

    Any part may be missing: `Snapshot.notes` and `NodeState.missing` say what is.
    """
    tree = open_tree(path)
    cluster, notes = _read_cluster(tree)
    nodes = []
    for name in tree.folders:
        _check_known(tree, name, cluster)
        reader = _NodeReader(tree, name)
        nodes.append(reader.read())
        notes.extend(reader.notes)
    if tree.unfollowed:
        notes.append(_unfollowed(tree.unfollowed))
    if not nodes:
        notes.append("nodes/ is missing: no node's rules were read")
    notes.extend(f"cluster/ has {count} {kind}, not read" for kind, count in cluster.ignored.items())
    return Snapshot(path, cluster, tuple(nodes), tuple(sorted(tree.inputs, key=lambda file: file.path)), tuple(notes))


def read_cluster(path: str) -> tuple[Cluster, tuple[InputFile, ...]]:
    """What cluster/ says below `path`, a directory or a .tar.gz of one; InputError where it cannot be used."""
    tree = open_tree(path)
    cluster, _ = _read_cluster(tree)
    return cluster, tuple(sorted(tree.inputs, key=lambda file: file.path))


def _read_cluster(tree: Tree) -> tuple[Cluster, list[str]]:
    reader = ClusterReader()
    notes: list[str] = []
    names = [name for name in tree.files if name.startswith("cluster/")]
    if not names:
        notes.append("cluster/ is missing: no pods, namespaces or policies were read")
    for name in names:
        if not name.endswith(_DOCUMENTS):
            notes.append(f"{name} was not read: its name ends neither in .yaml, .yml nor .json")
            continue
        text = tree.text(name)
        try:
            for document in read_documents(text, tree.shown(name)):
                reader.add(document)
        except InputError as fault:
            raise rendered(fault, text) from None
    return reader.cluster(), [*notes, *reader.notes()]


def _unfollowed(links: tuple[str, ...]) -> str:
    more = f" and {len(links) - _LISTED} more" if len(links) > _LISTED else ""
    listed = ", ".join(links[:_LISTED])
    return f"links in an archive are not followed, so these were not read (`tar -czhf` packs files): {listed}{more}"


def _check_known(tree: Tree, name: str, cluster: Cluster) -> None:
    if cluster.nodes and name not in cluster.nodes:
        known = ", ".join(sorted(cluster.nodes)[:5]) + (", ..." if len(cluster.nodes) > 5 else "")
        problem = f"a dump of another node than the cluster knows: {name!r} is none of {known}"
        raise InputError(Origin(tree.shown(f"nodes/{name}")), problem, "name the folder like the Node object")


@dataclass(slots=True)
class _NodeReader:
    """Reads nodes/NAME, file by file, and remembers which were not there and which had nothing in them."""

    tree: Tree
    name: str
    missing: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def read(self) -> NodeState:
        rulesets = {family: ruleset for family in _RULES if (ruleset := self._rules(family)) is not None}
        sets = _with_writers(self._sets(), rulesets)
        rulesets = {family: with_unsettled(ruleset, sets or {}) for family, ruleset in rulesets.items()}
        addresses, interfaces = self._addresses()
        routes = self._routes()
        if self.missing:
            self.notes.append(f"nodes/{self.name} lacks {', '.join(self.missing)}")
        unread = tuple(self.missing + self.empty)
        return NodeState(self.name, rulesets, sets, addresses, interfaces, routes, unread)

    def _file(self, name: str, when_empty: str = "") -> tuple[str, str] | None:
        """Text and shown path of a file of the node; None, and remembered, where it is not there.

        With `when_empty`, how the note goes on, the same holds for a file without content (DU-1): a command that
        failed leaves one behind.
        """
        place = f"nodes/{self.name}/{name}"
        if place not in self.tree.files:
            self.missing.append(name)
            return None
        text = self._text(place)
        if when_empty and not text.strip():
            self.empty.append(name)
            self.notes.append(f"{place} is empty{when_empty}")
            return None
        return text, self.tree.shown(place)

    def _text(self, place: str) -> str:
        if place not in self.texts:
            self.texts[place] = self.tree.text(place)
        return self.texts[place]

    def _present(self, dump: str, listing: str) -> str:
        """The file to read: the dump, or the listing where the dump is not there or has nothing in it."""
        for name in (dump, listing):
            place = f"nodes/{self.name}/{name}"
            if place in self.tree.files and (name == SETS[0] or self._text(place).strip()):
                return name
        return dump

    def _rules(self, family: int) -> Ruleset | None:
        name = self._present(*_RULES[family])
        found = self._file(name, f", so nothing is known about IPv{family} there")
        if found is None:
            return None
        listed = is_listing(found[0])
        ruleset = read_listing(*found, family) if listed else read_ruleset(*found, family)
        place, tables = f"nodes/{self.name}/{name}", {table for table, _ in ruleset.chains}
        if listed:
            self.notes.append(f"{place} is a listing (iptables -L): what it does not show is not known")
        if "filter" not in tables:
            self.notes.append(f"{place} has no filter table: nothing is filtered there")
        for table in sorted(tables.difference(BUILT_IN)):
            self.notes.append(f"{place} has a table {table}, which the kernel does not have: no packet meets its rules")
        return ruleset

    def _sets(self) -> dict[str, IpSet] | None:
        name = self._present(*SETS)
        found = self._file(name)
        if found is None:
            return None
        if is_set_listing(found[0]):
            return read_set_listing(*found)
        if found[0].strip() and not found[0].endswith("\n"):
            self.notes.append(f"nodes/{self.name}/{name} does not end with a line end: it may be cut off")
        return read_sets(*found)

    def _addresses(self) -> tuple[tuple[InterfaceAddress, ...] | None, tuple[str, ...] | None]:
        found = self._file("addresses.json", ": `ip -j addr` printed nothing")
        return (None, None) if found is None else read_addresses(*found)

    def _routes(self) -> tuple[Route, ...] | None:
        empty = ": `ip -j route` printed nothing"
        files = [(family, found) for family, name in _ROUTES.items() if (found := self._file(name, empty)) is not None]
        routes = [route for family, found in files for route in read_routes(*found, family)]
        return tuple(routes) if files else None


def _with_writers(sets: dict[str, IpSet] | None, rulesets: dict[int, Ruleset]) -> dict[str, IpSet] | None:
    """The sets, those opaque that some rule writes to: their members depend on earlier packets (TS-3)."""
    for ruleset in rulesets.values() if sets else ():
        for chain in ruleset.chains.values():
            for rule in chain.rules:
                for name in rule.effect.writes if isinstance(rule.effect, Continue) else ():
                    written = sets.get(name) if sets else None
                    if sets and written is not None and not written.content.opaque:
                        content = replace(written.content, opaque=f"a rule writes to it ({rule.origin})")
                        sets[name] = replace(written, content=content)
    return sets
