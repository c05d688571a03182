"""``python -m zoo list | card | summary | export | draw``: the networks by their names."""

from __future__ import annotations

import argparse
import os
from typing import Any

import graph

from .registry import UnknownModelError, create_model, list_models

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    """Add the commands to those of ``python -m zoo``."""
    listing = commands.add_parser("list", help="the names of the networks")
    listing.add_argument("pattern", nargs="?", default="*", help="such as '*net*'; all")
    listing.set_defaults(run=_list)
    for name, run, text in (
        ("card", _card, "sizes, multiply-adds, reference and preprocessing of a network"),
        ("summary", _summary, "its layers, as Keras shows them"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("name", help="of the network")
        command.set_defaults(run=run)
    export = commands.add_parser("export", help="write a network as a SavedModel")
    export.add_argument("name", help="of the network")
    export.add_argument("out", help="the directory to write")
    export.add_argument("--weights", metavar="F", help="a file that zoo.load_weights reads")
    export.add_argument("--overwrite", action="store_true", help="replace what is there")
    export.set_defaults(run=_export)
    draw = commands.add_parser("draw", help="draw the graph of a network, with Graphviz")
    draw.add_argument("name", help="of the network")
    draw.add_argument("out", help="the picture: .svg, .png, .pdf or .dot")
    draw.add_argument(
        "--heat", choices=["parameters", "time"], help="colour the layers by what they hold or take"
    )
    draw.set_defaults(run=_draw)


def _list(options: argparse.Namespace) -> int:
    names = list_models(options.pattern)
    if not names:
        raise UnknownModelError(f"no model matches {options.pattern!r}: there are {list_models()}")
    print("\n".join(names))
    return 0


def _card(options: argparse.Namespace) -> int:
    from .card import model_card  # Builds a network: not for the other commands.

    print(model_card(options.name))
    return 0


def _summary(options: argparse.Namespace) -> int:
    create_model(options.name).summary()
    return 0


def _export(options: argparse.Namespace) -> int:
    if os.path.lexists(options.out) and not options.overwrite:
        raise FileExistsError(f"{options.out} is there already\n  fix: --overwrite")
    arguments = {} if options.weights is None else {"weights": options.weights}
    model = create_model(options.name, **arguments)
    print(graph.export(model, options.out, overwrite=options.overwrite))
    return 0


def _draw(options: argparse.Namespace) -> int:
    graph.dot(create_model(options.name), path=options.out, heat=options.heat)
    print(options.out)
    return 0
