import os
import stat
from pathlib import Path

import pytest

from graph import atomic
from graph.atomic import replacing_directory


def write(path, text, **options):
    with replacing_directory(path, **options) as draft:
        (draft / "sub").mkdir()
        (draft / "sub" / "part").write_text(text)


def read(path):
    return (path / "sub" / "part").read_text()


@pytest.fixture(params=["exchange", "two renames"])
def way(request, monkeypatch):
    if request.param == "two renames":
        monkeypatch.setattr(atomic, "_exchange", lambda a, b: False)


def test_new_with_parents(tmp_path):
    write(tmp_path / "a" / "b" / "net", "one")
    assert read(tmp_path / "a" / "b" / "net") == "one"
    assert os.listdir(tmp_path / "a" / "b") == ["net"]


def test_empty_directory_is_free(tmp_path):
    (tmp_path / "net").mkdir()
    write(tmp_path / "net", "one")
    assert read(tmp_path / "net") == "one"


def test_permissions_are_those_of_any_new_directory(tmp_path):
    write(tmp_path / "net", "one")
    (tmp_path / "plain").mkdir()
    modes = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("net", "plain")]
    assert modes[0] == modes[1]


def test_overwrite(tmp_path, way):
    write(tmp_path / "net", "one")
    (tmp_path / "net" / "extra").write_text("")
    write(tmp_path / "net", "two", overwrite=True)
    assert read(tmp_path / "net") == "two"
    assert not (tmp_path / "net" / "extra").exists()
    assert os.listdir(tmp_path) == ["net"]


def test_overwrite_a_file(tmp_path, way):
    (tmp_path / "net").write_text("a file")
    with pytest.raises(FileExistsError, match="there is a file already"):
        write(tmp_path / "net", "one")
    write(tmp_path / "net", "one", overwrite=True)
    assert read(tmp_path / "net") == "one"
    assert os.listdir(tmp_path) == ["net"]


def test_refuses_before_the_block_runs(tmp_path):
    write(tmp_path / "net", "one")
    with (
        pytest.raises(FileExistsError, match="not empty already; overwrite=True .*net"),
        replacing_directory(tmp_path / "net"),
    ):
        pytest.fail("the block ran")
    assert read(tmp_path / "net") == "one"


@pytest.mark.parametrize("overwrite", [False, True])
def test_exception_leaves_nothing_new(tmp_path, overwrite):
    write(tmp_path / "net", "one")
    with (
        pytest.raises(KeyboardInterrupt),
        replacing_directory(
            tmp_path / ("net" if overwrite else "x/y/new"), overwrite=overwrite
        ) as draft,
    ):
        (draft / "half").write_text("")
        raise KeyboardInterrupt
    assert read(tmp_path / "net") == "one"
    assert os.listdir(tmp_path) == ["net"]


def test_roll_back_when_the_second_rename_fails(tmp_path, monkeypatch):
    write(tmp_path / "net", "one")
    monkeypatch.setattr(atomic, "_exchange", lambda a, b: False)
    rename = os.rename

    def failing(a, b):
        if str(a).endswith(".tmp"):
            raise OSError("disk on fire")
        rename(a, b)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(OSError, match="on fire"):
        write(tmp_path / "net", "two", overwrite=True)
    assert read(tmp_path / "net") == "one"
    assert os.listdir(tmp_path) == ["net"]


def test_something_came_while_the_block_ran(tmp_path):
    with pytest.raises(FileExistsError), replacing_directory(tmp_path / "net"):
        write(tmp_path / "net", "theirs")
    assert read(tmp_path / "net") == "theirs"
    assert os.listdir(tmp_path) == ["net"]


@pytest.mark.parametrize("tail", ["net", "deep/net"])
def test_parent_is_a_file(tmp_path, tail):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / tail
    with (
        pytest.raises(NotADirectoryError, match=f"file is not a directory: '{path}'"),
        replacing_directory(path),
    ):
        pytest.fail("the block ran")
    assert os.listdir(tmp_path) == ["file"]


def test_not_permitted(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(PermissionError, match="cannot write: Permission denied: .*net"),
        replacing_directory(tmp_path / "net"),
    ):
        pytest.fail("the block ran")


def test_current_directory_stays(tmp_path, monkeypatch):
    write(tmp_path / "net", "one")
    monkeypatch.chdir(tmp_path / "net" / "sub")
    for path in (".", "..", tmp_path):
        with pytest.raises(ValueError, match="would remove the current directory"):
            write(path, "two", overwrite=True)
    assert read(tmp_path / "net") == "one"


def test_symbolic_link_is_followed(tmp_path):
    write(tmp_path / "v1", "one")
    (tmp_path / "current").symlink_to("v1")
    write(tmp_path / "current", "two", overwrite=True)
    assert (tmp_path / "current").is_symlink()
    assert read(tmp_path / "v1") == "two"
