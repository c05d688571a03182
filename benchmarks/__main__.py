"""Run the benchmarks, each in a process of its own, and print and store one table.

python -m benchmarks [NAMES] [--quick] [--json FILE] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import peers
from benchmarks.machine import description, facts
from benchmarks.one import found
from benchmarks.paired import BUSY
from benchmarks.row import Row, line, markdown

ROOT = Path(__file__).parents[1]
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
BEGIN, END = "<!-- table: python -m benchmarks --markdown -->", "<!-- end of table -->"


def run(name: str, quick: bool, given: dict[str, str | None]) -> Iterator[Row]:
    """The rows of one benchmark as they come; the last tells of an error that ended it."""
    environment = {**os.environ, peers.VARIABLE: json.dumps(given), "PYTHONWARNINGS": "ignore"}
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    command = [sys.executable, "-m", "benchmarks.one", name, *["--quick"] * quick]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
        )
        assert process.stdout
        with process.stdout:
            for answer in process.stdout:
                row = Row(**json.loads(answer))
                # What is aimed at is aimed at for the full sizes.
                yield row._replace(target=None) if quick else row
        if process.wait():
            errors.seek(0)
            last = (errors.read().strip().splitlines() or ["no message"])[-1]
            yield Row(name, "", None, "", None, None, None, f"failed: {last}")


def stored(path: Path, rows: list[Row], machine: dict[str, object]) -> str:
    """What a file for `--markdown` is to hold: a page around the table stays."""
    table = f"{BEGIN}\n\n{description(machine)}.\n\n{markdown(rows)}\n\n{END}"
    if not path.exists():
        return f"# Benchmarks\n\n{table}\n"
    before, _, rest = path.read_text("utf-8").partition(BEGIN)
    return before + table + rest.partition(END)[2]


def arguments() -> argparse.Namespace:
    """What the command line says, checked before anything runs."""
    known = found()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAMES", help="default: all of --list")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and peers")
    parser.add_argument("--quick", action="store_true", help="smallest sizes, to see that it works")
    parser.add_argument(
        "--busy",
        action="store_true",
        help="others use the machine: one thread each, and processor time instead of the clock's",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="store the rows here")
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="store the table here, between its markers"
    )
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME=PYTHON", help="where a peer lives"
    )
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help="leave a peer out"
    )
    given = parser.parse_args()
    if wrong := [name for name in given.names if name not in known]:
        parser.error(f"unknown benchmark {wrong[0]!r}; there are {', '.join(known)}")
    pairs = [value.partition("=")[::2] for value in given.peer]
    given.peers = {**dict(pairs), **dict.fromkeys(given.without)}
    if wrong := [name for name in given.peers if name not in peers.PEERS]:
        parser.error(f"unknown peer {wrong[0]!r}; there are {', '.join(peers.PEERS)}")
    if wrong := [name for name, interpreter in pairs if not Path(interpreter).is_file()]:
        parser.error(f"--peer {wrong[0]}=PYTHON: PYTHON must be the path of an interpreter")
    for path in filter(None, (given.json, given.markdown)):
        if not path.absolute().parent.is_dir():
            parser.error(f"{path}: there is no such directory")
    page = given.markdown
    if page and page.exists():
        content = page.read_text("utf-8")
        if not -1 < content.find(BEGIN) < content.find(END):
            parser.error(f"{page} has no lines {BEGIN} and {END} for the table to stand between")
    given.names = given.names or list(known)
    return given


def main() -> int:
    """Run what the options say; 1 if a benchmark ended in an error, missing peers aside."""
    given = arguments()
    if given.list:
        for name, what in found().items():
            print(f"{name:<18}{what}")
        print(f"peers: {', '.join(peers.PEERS)}")
        return 0
    os.environ[peers.VARIABLE] = json.dumps(given.peers)
    if given.busy:
        os.environ.update(dict.fromkeys(THREADS, "1"), **{BUSY: "1"})
    machine = facts()
    print(description(machine), flush=True)
    print(line(), flush=True)
    rows: list[Row] = []
    for name in given.names:
        for row in run(name, given.quick, given.peers):
            rows.append(row)
            print(line(row), flush=True)
        # Stored now already: a run that is stopped leaves what it has.
        if given.json:
            result = {"machine": machine, "quick": given.quick, "rows": [r._asdict() for r in rows]}
            given.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        if given.markdown:
            given.markdown.write_text(stored(given.markdown, rows, machine), "utf-8")
    return int(any(row.note.startswith("failed: ") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
