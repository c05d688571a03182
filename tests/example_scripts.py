"""Running the scripts of examples/ as a user does."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def run_example(script, folder, *arguments, timeout=300):
    """What a script of examples/, run inside a folder, ended with."""
    return subprocess.run(
        [sys.executable, EXAMPLES / script, *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def finished_example(script, folder, *arguments, timeout=300):
    """The same, of a script that must succeed."""
    done = run_example(script, folder, *arguments, timeout=timeout)
    assert done.returncode == 0, done.stderr[-3000:]
    return done
