"""``python -m zoo list | card | summary | export | draw``: the networks by their names."""

from __future__ import annotations

import argparse
import ast
import os
from collections.abc import Callable
from typing import Any

import graph

from .registry import UnknownModelError, create_model, list_models
from .usage import as_usage

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
        _add_network(command)
        command.set_defaults(run=run)
    export = commands.add_parser("export", help="write a network as a SavedModel")
    _add_network(export)
    export.add_argument("out", help="the directory to write")
    export.add_argument("--weights", metavar="F", help="a file that zoo.load_weights reads")
    export.add_argument("--overwrite", action="store_true", help="replace what is there")
    export.set_defaults(run=_export)
    draw = commands.add_parser("draw", help="draw the graph of a network, with Graphviz")
    _add_network(draw)
    draw.add_argument("out", help="the picture: .svg, .png, .pdf or .dot")
    draw.add_argument(
        "--heat", choices=["parameters", "time"], help="colour the layers by what they hold or take"
    )
    draw.set_defaults(run=_draw)


def _add_network(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", help="of the network")
    command.add_argument(
        "--set",
        dest="arguments",
        type=_argument,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an argument of its builder, such as classes=10 or 'input_shape=(64, 64, 3)'",
    )


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):  # A word without quotes, which a shell takes away.
        return name, value


def _made(make: Callable[..., Any], options: argparse.Namespace, **more: Any) -> Any:
    with as_usage(f"{options.name}: "):
        try:
            return make(options.name, **dict(options.arguments), **more)
        except TypeError as error:  # An argument that its builder does not take.
            raise ValueError(str(error)) from error


def _list(options: argparse.Namespace) -> int:
    names = list_models(options.pattern)
    if not names:
        raise UnknownModelError(f"no model matches {options.pattern!r}: there are {list_models()}")
    print("\n".join(names))
    return 0


def _card(options: argparse.Namespace) -> int:
    from .card import model_card  # Builds a network: not for the other commands.

    print(_made(model_card, options))
    return 0


def _summary(options: argparse.Namespace) -> int:
    _made(create_model, options).summary()
    return 0


def _export(options: argparse.Namespace) -> int:
    if os.path.lexists(options.out) and not options.overwrite:
        raise FileExistsError(f"{options.out} is there already\n  fix: --overwrite")
    weights = {} if options.weights is None else {"weights": options.weights}
    model = _made(create_model, options, **weights)
    print(graph.export(model, options.out, overwrite=options.overwrite))
    return 0


def _draw(options: argparse.Namespace) -> int:
    graph.dot(_made(create_model, options), path=options.out, heat=options.heat)
    print(options.out)
    return 0
