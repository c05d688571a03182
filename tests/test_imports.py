"""Who may import whom: the arrows between the packages, and inside graph/."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("graph", "zoo", "losses")
SOURCES = sorted(p.relative_to(ROOT) for name in PACKAGES for p in (ROOT / name).rglob("*.py"))

# Files of graph/ that know nothing of Keras: the standard library and each other.
CORE = {f"graph.{name}" for name in ("node", "origin", "order", "check", "errors", "table")}
# What a module of graph/nn/ may use of graph/ beside nn itself; never gModule or the tools.
UNDER_NN = CORE | {f"graph.{name}" for name in ("layout", "calls", "activation_names", "recursion")}
# Of TensorFlow's own graph: checks of values, and loops; imported when they first run.
NEEDS_TENSORFLOW = {f"graph.nn.{n}" for n in ("runtime_check", "sequence_function", "step_loop")}
# Files of graph/torch7/ that turn Torch objects into modules; all others read and write bytes.
TORCH7_BUILDERS = {
    *("border", "collecting", "convert", "importer", "node_graph"),
    *("class_fields", "exporter", "graph_writer", "module_writer"),
}

TYPING_ONLY = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def is_stdlib(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of all that a file imports, wherever in the file, typing aside."""
    package = list(path.parent.parts)
    pending: list[ast.AST] = [ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in TYPING_ONLY:
            pending += node.orelse
            continue
        pending += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            for alias in node.names:
                yield node.lineno, resolve(".".join(base), alias.name)


def resolve(module: str, name: str) -> str:
    """`module.name` where that is a file or folder of ours, else `module`."""
    inside = ROOT.joinpath(*module.split("."), name)
    is_ours = inside.is_dir() or inside.with_suffix(".py").is_file()
    return f"{module}.{name}".lstrip(".") if is_ours else module


def offences(path: Path, allowed) -> list[str]:
    return [f"{path}:{line} imports {name}" for line, name in imported(path) if not allowed(name)]


def with_id(paths):
    return [pytest.param(p, id=p.as_posix()) for p in paths] or [
        pytest.param(None, marks=pytest.mark.skip(reason="no such files yet"))
    ]


@pytest.mark.parametrize("path", with_id(SOURCES))
def test_arrows_between_packages(path):
    forbidden = {"graph": ("zoo", "losses"), "losses": ("zoo", "graph"), "zoo": ()}
    others = (*forbidden[path.parts[0]], "tests", "examples", "benchmarks")
    assert not offences(path, lambda name: not any(is_in(name, other) for other in others))


@pytest.mark.parametrize("path", with_id([p for p in SOURCES if dotted(p) in CORE]))
def test_the_core_imports_the_standard_library_and_itself(path):
    assert not offences(path, lambda name: is_stdlib(name) or name in CORE)


@pytest.mark.parametrize("path", with_id([p for p in SOURCES if is_in(dotted(p), "graph.nn")]))
def test_nn_imports_nodes_layout_itself_and_keras(path):
    def allowed(name):
        return (
            is_stdlib(name)
            or name in UNDER_NN
            or is_in(name, "graph.nn")
            or is_in(name, "keras")
            or is_in(name, "numpy")
            or (name == "tensorflow" and dotted(path) in NEEDS_TENSORFLOW)
        )

    assert not offences(path, allowed)


def torch7_readers():
    inside = [p for p in SOURCES if is_in(dotted(p), "graph.torch7")]
    return [p for p in inside if p.stem.lstrip("_") not in TORCH7_BUILDERS]


@pytest.mark.parametrize("path", with_id(torch7_readers()))
def test_torch7_readers_need_numpy_only(path):
    readers = {dotted(p) for p in torch7_readers()} | {"graph.errors"}
    assert not offences(
        path, lambda name: is_stdlib(name) or is_in(name, "numpy") or name in readers
    )


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_importing_everything_imports_keras_and_little_else():
    missing = [name for name in PACKAGES if not (ROOT / name / "__init__.py").is_file()]
    if missing:
        pytest.skip(f"not there yet: {missing}")
    keras = modules_after("import keras")
    ours = modules_after("import graph, losses; from zoo import *")
    added = {name for name in ours - keras if not any(is_in(name, p) for p in PACKAGES)}
    foreign = {name for name in added if not is_stdlib(name)}
    assert not foreign, f"imported at start-up: {sorted(foreign)[:20]}"
    assert len(added) < 50, f"{len(added)} modules of the standard library: {sorted(added)}"


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("graph/node.py", "import keras.ops", "keras.ops"),
        ("graph/nn/simple.py", "from ..gmodule import gModule", "graph.gmodule"),
        ("graph/nn/simple.py", "from ... import zoo", "zoo"),
        ("losses/triplet.py", "def f():\n    from graph import nn", "graph.nn"),
        ("losses/triplet.py", "if TYPE_CHECKING:\n    import graph\nelse:\n    import zoo", "zoo"),
        ("losses/triplet.py", "from . import triplet_embedding", "losses.triplet_embedding"),
        ("losses/triplet.py", "from .triplet_embedding import x", "losses.triplet_embedding"),
    ],
)
def test_imports_are_seen_as_absolute_names(path, source, expected, tmp_path, monkeypatch):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(source)
    for name in ("graph/nn", "zoo"):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / "losses").mkdir(exist_ok=True)
    (tmp_path / "losses" / "triplet_embedding.py").touch()
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert [name for _, name in imported(Path(path))] == [expected]
