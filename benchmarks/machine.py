"""The machine and the versions that figures belong to."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
from pathlib import Path
from typing import Any

from benchmarks.paired import BUSY
from benchmarks.peers import PEERS, version

__all__ = ["description", "facts", "peak"]


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def facts() -> dict[str, Any]:
    """Processor, cores, what they were doing before, and versions of ours and of the peers."""
    ours = {name: importlib.metadata.version(name) for name in ("keras", "tensorflow", "numpy")}
    return {
        "processor": _processor(),
        "cores": _cores(),
        "busy": bool(os.environ.get(BUSY)),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "versions": {"Python": platform.python_version(), **ours},
        "peers": {name: version(name) for name in PEERS},
    }


def description(machine: dict[str, Any]) -> str:
    """One line for people."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    found = ", ".join(f"{name} {number}" for name, number in machine["peers"].items() if number)
    absent = ", ".join(name for name, number in machine["peers"].items() if not number)
    line = f"{machine['processor']}, {machine['cores']} cores; {versions}"
    if machine["load"] is not None:
        line += f"; load before the run {machine['load']}"
    if machine["busy"]:
        line += "; a busy machine, so one thread each and the time that it had of a processor"
    line += f". Peers: {found or 'none'}"
    return line + (f"; missing: {absent}" if absent else "")


def peak() -> float:
    """The most memory that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
