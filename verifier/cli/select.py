"""The options that say which nodes, pods, paths and families a command asks about, and on which terms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from verifier.cli.assume import settled, with_assumptions
from verifier.model.assumption import Setting
from verifier.model.options import VerifyOptions
from verifier.model.path import Path
from verifier.model.replay import Backend

BACKENDS = {"nft": (Backend.NFT,), "legacy": (Backend.LEGACY,), "both": (Backend.NFT, Backend.LEGACY)}

OPTIONS = (
    click.option("--node", "nodes", multiple=True, metavar="NAME", help="Only this node (repeatable)."),
    click.option("--pod", "pods", multiple=True, metavar="NS/NAME", help="Only this pod (repeatable)."),
    click.option(
        "--path",
        "paths",
        multiple=True,
        type=click.Choice([path.value for path in Path]),
        help="Only this path (repeatable).",
    ),
    click.option("--family", "families", multiple=True, type=click.Choice(["4", "6"]), help="Only IPv4 or only IPv6."),
    click.option("--strict", is_flag=True, help="Excuse nothing, not even what the compiler documents."),
    with_assumptions,
    click.option("--compiler", default="", metavar="NAME", help="Do not recognise the compiler: it is this one."),
)


def with_selection(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, as the arguments of `selection`."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


with_initial_mark = click.option(
    "--initial-mark",
    type=click.Choice(["0", "any"]),
    default="0",
    show_default=True,
    help="Mark of packets that enter.",
)


def with_backend(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option --backend, as the tuple `backends`; empty where the dump is to tell."""
    return click.option(
        "--backend",
        "backends",
        type=click.Choice(list(BACKENDS)),
        callback=lambda _context, _parameter, name: BACKENDS[name] if name else (),
        help="Which iptables the kernel is asked with; as the dump says unless given.",
    )(command)


def selection(
    *,
    nodes: tuple[str, ...],
    pods: tuple[str, ...],
    paths: tuple[str, ...],
    families: tuple[str, ...],
    strict: bool,
    given: dict[str, Setting],
    choices: str,
    compiler: str,
) -> VerifyOptions:
    """The options of the model that these stand for; InputError where the file of choices cannot be used."""
    return VerifyOptions(
        nodes=nodes,
        pods=pods,
        paths=tuple(path for path in Path if path.value in paths),
        families=tuple(sorted({int(family) for family in families})),
        strict=strict,
        settings=settled(given, choices),
        compiler=compiler,
    )
