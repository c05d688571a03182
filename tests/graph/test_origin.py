"""graph/origin.py."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import graph
from graph.node import apply
from graph.origin import Origin, caller_origin

ROOT = Path(__file__).parents[2]


class Plain:
    torch_name = "Plain"


def test_the_line_is_that_of_the_users_call():
    origin = caller_origin()
    assert origin == Origin(__file__, inspect.currentframe().f_lineno - 1)
    assert str(origin) == f"test_origin.py:{origin.line}"


def test_functions_of_the_package_are_passed_over_however_deep():
    x = apply(Plain())
    chained = x - Plain()
    (part,) = chained.split(1)
    module_made = graph.nn.Sequential(graph.nn.Tanh())()
    line = inspect.currentframe().f_lineno
    stated = graph.Input((2,))
    lines = [n.origin.line - line for n in (x, chained, part, module_made, stated)]
    assert lines == [-4, -3, -2, -1, 1]
    assert stated.origin.file == __file__


def test_a_helper_of_the_users_is_the_users():
    def block(x):
        return x - Plain()

    assert block(apply(Plain())).origin.line == inspect.currentframe().f_lineno - 2


def test_a_folder_whose_name_begins_with_graph_is_not_ours(tmp_path):
    script = tmp_path / "graphs" / "net.py"
    script.parent.mkdir()
    script.write_text("from graph.origin import caller_origin\n\nprint(caller_origin())\n")
    run = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "net.py:3"
