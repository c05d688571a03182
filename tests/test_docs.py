"""Every python block of README.md and docs/*.md runs, in order, as a reader would type it."""

import os
import re
import textwrap
import traceback
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [p for p in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if p.is_file()]
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>[^`\n]*)$")


class Block(NamedTuple):
    line: int  # of the first line of code
    words: list[str]  # of the fence: ["python"], or ["python", "no-run"]
    code: str


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page in Markdown."""
    found: list[Block] = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        opening = FENCE.match(line)
        if not opening:
            continue
        body = []
        for _, inner in lines:
            closing = FENCE.match(inner)
            if closing and not closing["info"].strip() and closing["fence"] == opening["fence"]:
                break
            body.append(inner)
        else:
            raise ValueError(f"line {number}: this block is not closed")
        words = opening["info"].split()
        found.append(Block(number + 1, words, textwrap.dedent("\n".join(body)) + "\n"))
    return found


def python_blocks(text: str) -> list[Block]:
    return [block for block in blocks(text) if block.words[:1] == ["python"]]


def run(page: Path, text: str) -> None:
    """Run the blocks of one page in one namespace; an error names the page and line."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in python_blocks(text):
        if "no-run" in block.words:
            continue
        # Blank lines in front, so that line numbers are those of the page.
        source = "\n" * (block.line - 1) + block.code
        try:
            exec(compile(source, str(page), "exec"), namespace)
        except Exception as error:
            line = error.lineno if isinstance(error, SyntaxError) else block.line
            for frame in traceback.extract_tb(error.__traceback__):
                if frame.filename == str(page):
                    line = frame.lineno
            message = f"{page.name}:{line}: {type(error).__name__}: {error}"
            raise AssertionError(message) from error


@pytest.fixture
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.mark.parametrize("page", [pytest.param(p, id=str(p.relative_to(ROOT))) for p in PAGES])
def test_the_python_blocks_run(page, in_tmp_path):
    run(page, page.read_text(encoding="utf-8"))


@pytest.mark.skipif(not (ROOT / "README.md").is_file(), reason="no README.md yet")
def test_readme_runs_every_python_block():
    readme = python_blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    assert not [f"README.md:{b.line}" for b in readme if b.words != ["python"]]


PAGE = """\
```python
a = 1
```
- in a list:
  ```python
  if a:
      b = a + 1
  ```
```python no-run
1 / 0
```
```console
1 / 0
```
"""


def test_blocks_share_a_namespace_and_only_python_runs(in_tmp_path):
    page = Path("page.md")
    run(page, PAGE + "```python\nassert b == 2\nopen('x', 'w').close()\n```\n")
    assert os.listdir() == ["x"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("a += 1\n[][a]", "page.md:18: IndexError: list index out of range"),
        ("def f():\n    1 / 0\nf()", "page.md:18: ZeroDivisionError: division by zero"),
        ("a = 1\na = = 2", "page.md:18: SyntaxError: "),
    ],
)
def test_an_error_names_the_line_of_the_page(code, message, in_tmp_path):
    with pytest.raises(AssertionError, match="^" + re.escape(message)):
        run(Path("page.md"), f"{PAGE}\n```python\n{code}\n```\n")


def test_a_block_that_is_not_closed_is_an_error():
    with pytest.raises(ValueError, match="line 2"):
        blocks("text\n```python\n1\n")
