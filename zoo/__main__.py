"""The command line: ``python -m zoo list``, ``inspect``, ``convert`` and their kin.

Exit status: 0 done, 1 the model cannot be converted or has unknown modules, 2 wrong usage or a
file that cannot be read or written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import graph
from graph import GraphError, UnsupportedTorch
from graph.torch7 import Torch7FormatError
from graph.torch7.importer import root_of

from .converting import FORMATS, ConversionError, check_place, check_tools, shapes_text, write
from .inspecting import report
from .looking import draw_layers, load_model, preprocessing_of, write_report
from .model_commands import add_commands
from .progress import Progress
from .registry import UnknownModelError
from .usage import UsageError, as_usage
from .weights import WeightsError

__all__ = ["main"]

_BIG = 50_000_000  # bytes; reading and writing such a file is announced


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    Args:
        arguments: The words after ``python -m zoo``. Default: those of the process.
    """
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _show_warning
            return options.run(options)
    except BrokenPipeError:  # `| head` has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except (UsageError, UnknownModelError) as error:
        return _failed(error, 2)
    except (UnsupportedTorch, GraphError, ConversionError, WeightsError) as error:
        return _failed(error, 1)
    except (Torch7FormatError, OSError) as error:
        return _failed(error, 2)


def _convert(options: argparse.Namespace) -> int:
    place = check_place(options.model, options.out, options.to, options.overwrite)
    check_tools(options.to)
    _announce("reading", options.model)
    progress = Progress(sys.stderr, "modules converted")
    try:
        model = graph.load_torch7(
            options.model,
            options.input_shape,
            layout=options.layout,
            batched={None: None, "yes": True, "no": False}[options.batched],
            functions=options.functions,
            progress=progress,
        )
    except (UnsupportedTorch, GraphError):
        raise
    except ValueError as error:  # A shape for another number of inputs.
        raise UsageError(f"--input-shape: {error}") from error
    finally:
        progress.end()
    if not model.is_lowered:
        raise UsageError(
            f"{options.model} does not state the shape of its input\n"
            f"  fix: --input-shape 3,224,224, the shape of one sample without the batch"
        )
    _announce("writing", options.model)
    write(model, place, options.to, overwrite=options.overwrite)
    print(f"{place}: {shapes_text(model.inputs)} -> {shapes_text(model.outputs)}")
    return 0


def _inspect(options: argparse.Namespace) -> int:
    if options.image is None and options.model.endswith(".t7"):
        _announce("reading", options.model)
        lines, known = report(root_of(options.model), options.model)
        print("\n".join(lines), flush=True)
        return 0 if known else _failed(f"{options.model} has unknown modules", 1)
    with as_usage():
        model = load_model(options.model, options.input_shape, options.weights)
        if options.image is None:
            print(graph.layer_table(model))
            return 0
        preprocess = preprocessing_of(options.model)
        for path in draw_layers(model, options.image, options.layers, options.out, preprocess):
            print(path)
    return 0


def _report(options: argparse.Namespace) -> int:
    with as_usage():
        write_report(options.model, options.data, options.out, options.weights)
    print(options.out)
    return 0


def _failed(error: object, status: int) -> int:
    print(f"error: {error}", file=sys.stderr)
    return status


def _announce(what: str, path: str) -> None:
    size = os.path.getsize(path)
    if size >= _BIG:
        print(f"{what} {path} ({size / 1e6:,.0f} MB)", file=sys.stderr, flush=True)


def _show_warning(message: Any, category: Any, *_: Any, **__: Any) -> None:
    if category is UserWarning:
        print(f"warning: {message}", file=sys.stderr)


def _shape(text: str) -> Any:
    """A shape: ``3,224,224``, with ``?`` for an unknown size, or nested ``[[10],[3,32,32]]``."""
    try:
        value = json.loads(f"[{text.replace('?', 'null')}]")
    except json.JSONDecodeError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no shape: write 3,224,224, or [10],[3,32,32] for several inputs"
        ) from None
    return value[0] if len(value) == 1 and isinstance(value[0], list) else value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m zoo",
        description="Networks by name, and models of Torch7 and nngraph (.t7), looked at and "
        "converted.",
        epilog="Exit status: 0 done; 1 the model cannot be converted or has unknown modules; "
        "2 wrong usage, or a file that cannot be read or written.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    convert = commands.add_parser("convert", help="write a model for Keras or TensorFlow")
    convert.add_argument("model", help="the .t7 file")
    convert.add_argument(
        "out", help="the directory to write (a SavedModel itself, or where the file goes), or file"
    )
    convert.add_argument("--to", choices=list(FORMATS), required=True, help="the format to write")
    convert.add_argument(
        "--input-shape",
        type=_shape,
        metavar="SHAPE",
        help="of one sample, without the batch, in the chosen layout: 3,224,224; ? for a size that "
        "stays open; [10],[3,32,32] for several inputs or a table",
    )
    convert.add_argument(
        "--layout",
        choices=["torch", "keras"],
        default="torch",
        help="torch: planes, rows, columns, as Torch was fed (default); keras: planes last",
    )
    convert.add_argument(
        "--batched",
        choices=["yes", "no"],
        help="whether Torch fed the model batches; default: found out",
    )
    convert.add_argument(
        "--functions",
        choices=["refuse", "opaque"],
        default="refuse",
        help="modules with a Lua function for a method: refuse them (default), or take them as "
        "their class defines them",
    )
    convert.add_argument("--overwrite", action="store_true", help="replace what is there")
    convert.set_defaults(run=_convert)
    inspect = commands.add_parser(
        "inspect", help="show what a model is made of, or answers to an image"
    )
    inspect.add_argument("model", help="the .t7 or .keras file, or the name of a network")
    inspect.add_argument("--image", metavar="F", help="draw what the layers answer to this image")
    inspect.add_argument(
        "--input-shape",
        type=_shape,
        metavar="SHAPE",
        help="with --image, of one sample, planes last, where a .t7 file does not state it",
    )
    inspect.add_argument("--layers", default="*", help="which layers, such as 'conv*'; all")
    inspect.add_argument("--out", default="pictures", help="where the pictures go; pictures")
    inspect.add_argument("--weights", metavar="W", help="with a name, a file of weights")
    inspect.set_defaults(run=_inspect)
    page = commands.add_parser("report", help="write an HTML page about a model")
    page.add_argument("model", help="the .keras or .t7 file, or the name of a network")
    page.add_argument("--data", help="an .npz file with x and whole numbers y; default: none")
    page.add_argument("--weights", metavar="W", help="with a name, a file of weights")
    page.add_argument("--out", default="report.html", help="the page; report.html")
    page.set_defaults(run=_report)
    add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
