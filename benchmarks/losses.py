"""Triplet losses against tensorflow-addons and pytorch-metric-learning, in time and in memory.

python -m benchmarks.losses --tfa PYTHON --pml PYTHON [--threads 1]

Each library runs in a process of its own, so that tensorflow-addons can have its old TensorFlow;
they are timed in turns, forward and backward, on the same embeddings. PYTHON is an interpreter
that has the library; what is not given is left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.paired import machine

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("loss_worker.py")
# loss, batch, peers, timed pairs
RUNS = (
    ("hard", 1024, ("tfa", "pml"), 30),
    ("hard", 4096, ("tfa", "pml"), 5),
    ("semi-hard", 512, ("tfa", "pml"), 5),
    ("semi-hard", 1024, ("pml",), 5),
    ("batch-all", 1024, ("pml",), 5),
    ("batch-all", 4096, ("pml",), 1),
)
MEMORY = (("hard", 4096), ("semi-hard", 4096), ("batch-all", 4096))


class Worker:
    """A process that times one loss whenever it is asked."""

    def __init__(self, python: str, library: str, name: str, n: int, threads: int) -> None:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        if library != "tfa":
            environment["PYTHONPATH"] = path
        self.process = subprocess.Popen(
            [python, "-P", "-W", "ignore", str(WORKER), library, name, str(n), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        assert self.process.stdin and self.process.stdout
        self.ask, self.answer = self.process.stdin, self.process.stdout
        if self.answer.readline().strip() != "ready":
            raise RuntimeError(f"{library} {name}: the process of {python} did not start")

    def run(self) -> tuple[float, float]:
        """Seconds of one step, and the most MB so far above a small batch."""
        self.ask.write("go\n")
        self.ask.flush()
        line = self.answer.readline().split()
        if not line:
            raise MemoryError("the process ended: out of memory")
        return float(line[0]), float(line[1])

    def close(self) -> None:
        """End the process."""
        self.ask.close()
        self.process.wait()


def pair(ours: Worker, peer: Worker, runs: int) -> tuple[float, float, float, float, float]:
    """Medians of both in seconds, the median ratio of neighbours, and the memory of both in MB."""
    ours.run()
    memory_peer = peer.run()[1]
    times = []
    memory = 0.0
    for i in range(runs):
        taken = [worker.run() for worker in ((ours, peer) if i % 2 else (peer, ours))]
        first, second = taken if i % 2 else taken[::-1]
        times.append((first[0], second[0]))
        memory, memory_peer = first[1], second[1]
    return (
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(b / a for a, b in times),
        memory,
        memory_peer,
    )


def main() -> None:
    """Print the ratios as a Markdown table, then our peaks of memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tfa", help="an interpreter that has tensorflow-addons")
    parser.add_argument("--pml", help="an interpreter that has pytorch-metric-learning")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    pythons = {"tfa": given.tfa, "pml": given.pml}
    print(f"{machine()}; {given.threads} thread(s), 128-d embeddings, 8 a class\n")
    print("| loss | batch | ours | ms | peer | ms | peer / ours | MB | peer MB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, n, peers, runs in RUNS:
        for library in peers:
            python = pythons[library]
            if python is None:
                continue
            for compiled in ("ours", "ours-jit"):
                ours = Worker(sys.executable, compiled, name, n, given.threads)
                peer = Worker(python, library, name, n, given.threads)
                a, b, ratio, mb, peer_mb = pair(ours, peer, runs)
                ours.close()
                peer.close()
                how = "graph" if compiled == "ours" else "XLA"
                print(
                    f"| {name} | {n:,} | {how} | {a * 1e3:.1f} | {library.upper()} | "
                    f"{b * 1e3:.1f} | {ratio:.1f} | {mb:.0f} | {peer_mb:.0f} |",
                    flush=True,
                )
    print("\n| loss | batch | ours | peak MB above a small batch | ms |\n|---|---|---|---|---|")
    for name, n in MEMORY:
        for compiled in ("ours", "ours-jit"):
            worker = Worker(sys.executable, compiled, name, n, given.threads)
            seconds, _ = worker.run()
            seconds, mb = worker.run()
            worker.close()
            how = "graph" if compiled == "ours" else "XLA"
            print(f"| {name} | {n:,} | {how} | {mb:.0f} | {seconds * 1e3:.0f} |", flush=True)


if __name__ == "__main__":
    main()
