"""`python -m benchmarks`: the table's form, never its times."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import peers
from benchmarks.machine import description, facts
from benchmarks.one import found
from benchmarks.paired import Pair, compare, summary
from benchmarks.row import HEAD, Row, line, markdown, missing, timed
from benchmarks.side import Side, compare_sides, same

ROOT = Path(__file__).parents[1]

ROWS = [
    timed("net", "small | quick", Pair(0.002, 0.001, 1.9), "Keras", target=1.05, note="n"),
    timed("net", "large", Pair(1.5, 40.0, 0.0375), "Keras", target=0.5),
    missing("file", "read", "torchfile", "pip install torchfile"),
]


def test_a_row_says_ratios_targets_and_what_is_missing():
    assert [line(row).split() for row in ROWS] == [
        "net small | quick 2.000 Keras 1.000 1.90 1.05 missed n".split(),
        "net large 1,500 Keras 40,000 0.0375 0.5 met".split(),
        "file read - torchfile - - missing: pip install torchfile".split(),
    ]
    assert line().split("  ")[0] == HEAD[0]
    assert line().index("peer") == line(ROWS[0]).index("Keras") == line(ROWS[1]).index("Keras")


def test_markdown_names_a_benchmark_once_and_escapes():
    lines = markdown(ROWS).splitlines()
    assert lines[0] == "| " + " | ".join(HEAD) + " |"
    assert (
        lines[2] == r"| `net` | small \| quick | 2.000 | Keras | 1.000 | 1.90 | 1.05 missed | n |"
    )
    assert lines[3].startswith("|  | large |") and lines[4].startswith("| `file` | read | - |")
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(HEAD) + 1}


def test_the_ratio_is_the_median_of_the_pairs_not_of_the_medians():
    assert summary([(1.0, 1.0), (2.0, 8.0), (3.0, 4.0)]) == Pair(2.0, 4.0, 0.75)


def test_pairs_lead_in_turns():
    order: list[str] = []
    compare(lambda: order.append("a"), lambda: order.append("b"), runs=2, warm=1)
    assert "".join(order) == "baabba"


def test_a_page_around_the_table_stays(tmp_path):
    page, machine = tmp_path / "page.md", {**facts(), "processor": "Abacus"}
    first = command.stored(page, ROWS, machine)
    page.write_text("before\n" + first + "after\n")
    again = command.stored(page, ROWS[:1], machine)
    assert again.startswith("before\n") and again.endswith("after\n") and "Abacus" in again
    assert "torchfile | - |" in first and "torchfile | - |" not in again


def test_the_machine_names_what_is_missing(monkeypatch):
    monkeypatch.setenv(peers.VARIABLE, json.dumps({"torch": None}))
    machine = facts()
    assert machine["cores"] >= 1 and machine["peers"]["torch"] is None
    assert re.search(r"missing: .*\btorch\b", description(machine))
    assert peers.python("torch") is None and "--without" in peers.why_missing("torch")


def test_a_peer_is_looked_for_under_its_own_interpreter(monkeypatch, tmp_path):
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    monkeypatch.setenv(peers.VARIABLE, json.dumps({"keract": str(other)}))
    assert peers.version("keract") is None and "--peer keract" in peers.why_missing("keract")
    (tmp_path / "keract.py").touch()
    (tmp_path / "keract-9.8.dist-info").mkdir()
    (tmp_path / "keract-9.8.dist-info" / "METADATA").write_text("Name: keract\nVersion: 9.8\n")
    peers._ask.cache_clear()
    assert peers.python("keract") == str(other) and peers.title("keract") == "keract 9.8"


SIDES = """
import numpy as np
from benchmarks.side import Step

def numbers(last):
    print("what a library prints is no answer")
    return Step(lambda: sum(range(1000)), lambda: np.array([4.0, last]))

def several():
    return {n: lambda n=n: Step(int, lambda: np.ones(len(n))) for n in ("a", "bb")}

def broken():
    raise ValueError("no such file")

def breaks():
    return Step(lambda: {}["key"])
"""


@pytest.fixture
def sides(tmp_path, monkeypatch):
    (tmp_path / "sides_of_a_test.py").write_text(SIDES)
    path = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    return "sides_of_a_test"


def test_two_processes_must_compute_the_same(sides):
    with Side(f"{sides}:numbers", 2) as a, Side(f"{sides}:numbers", 2.001) as b:
        np.testing.assert_array_equal(a.output(), [4, 2])
        assert same(a, b, 1e-3) == "outputs within 2e-04"
        with pytest.raises(RuntimeError, match=r"differ by 2.5e-04 of the largest, over 0.0001"):
            same(a, b)
        pair = compare_sides(a, b, quick=True)
    assert min(pair) > 0


def test_a_side_may_have_several_steps(sides):
    with Side(f"{sides}:several") as side:
        for name in ("bb", "a"):
            side.use(name)
            assert len(side.output()) == len(name) and side.run(3) > 0
        assert 0 < side.spent()
        with pytest.raises(RuntimeError, match="KeyError: 'c'"):
            side.use("c")


def test_a_side_that_ends_says_why(sides):
    with Side(f"{sides}:broken") as side, pytest.raises(RuntimeError, match="no such file"):
        side.run(1)
    with Side(f"{sides}:breaks") as side, pytest.raises(RuntimeError, match="KeyError: 'key'"):
        side.run(1)


def test_every_benchmark_is_found_by_its_rows():
    names = found()
    assert {"graph_build", "graph_run", "import_time", "networks", "torch7_read"} <= set(names)
    assert all(line and not line.startswith("python") for line in names.values())
    assert not {"side", "row", "peers", "paired", "one"} & set(names)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nets"], "unknown benchmark 'nets'; there are activations"),
        (["--without", "caffe"], "unknown peer 'caffe'; there are keract"),
        (["--peer", "torch=/no/python"], "PYTHON must be the path of an interpreter"),
        (["--json", "no/such/dir/file.json"], "there is no such directory"),
        (["--markdown", "page.md"], "page.md has no lines <!-- table"),
    ],
)
def test_a_wrong_option_ends_it_before_anything_runs(words, message, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    Path("page.md").write_text("no markers")
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])
    monkeypatch.setattr(command, "run", None)
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert message in capsys.readouterr().err
    assert Path("page.md").read_text() == "no markers"


def test_an_error_in_a_benchmark_is_a_row_and_the_exit_status(monkeypatch, capsys):
    (row,) = command.run("absent", True, {})
    assert row.note.startswith("failed: ModuleNotFoundError: ")
    monkeypatch.setattr(sys, "argv", ["benchmarks", "networks"])
    monkeypatch.setattr(command, "run", lambda *_: iter([row]))
    assert command.main() == 1 and "failed: Module" in capsys.readouterr().out


def test_the_command_prints_and_stores_one_table(tmp_path):
    # Small files of its own against NumPy, and a peer that is not there.
    words = ["torch7_read", "--quick", "--without", "torchfile"]
    files = ["--json", "table.json", "--markdown", "table.md"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words, *files],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    stored = json.loads((tmp_path / "table.json").read_text())
    assert stored["quick"] and set(stored["machine"]["versions"]) > {"Python", "keras"}
    assert stored["machine"]["peers"]["torchfile"] is None
    rows = [Row(**row) for row in stored["rows"]]
    assert {row.name for row in rows} == {"torch7_read"}
    absent = [row for row in rows if row.ratio is None]
    assert {row.peer for row in absent} == {"torchfile"}
    assert all(row.note == "missing: left out by --without" for row in absent)
    for row in rows:
        if row not in absent:
            assert row.ours_ms > 0 and row.peer_ms > 0 and row.ratio > 0 and row.peer
    assert run.stdout.splitlines()[1:] == [line(), *map(line, rows)]
    assert markdown(rows) in (tmp_path / "table.md").read_text()
