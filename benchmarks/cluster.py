"""A Dask cluster on this machine, in processes of its own, for a benchmark."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from distributed import Client

from benchmarks.courses import Course

PATIENCE = 60.0
"""Seconds in which the processes must have found each other."""


@contextmanager
def cluster(course: Course, workers: int) -> Iterator[str]:
    """A scheduler and some workers, of one thread each, with a course's code.

    Yields:
        The scheduler's address.
    """
    file = course.root / f"scheduler-{workers}.json"
    here = ("--host", "127.0.0.1", "--no-dashboard")
    processes: list[subprocess.Popen[bytes]] = []

    def start(program: str, *options: str) -> None:
        module = f"distributed.cli.dask_{program}"
        # What they log is of no interest.
        begun = course.start(module, *here, *options, errors=subprocess.DEVNULL)
        processes.append(begun)

    try:
        start("scheduler", "--port", "0", "--scheduler-file", str(file))
        _wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        address = json.loads(file.read_text())["address"]
        for _ in range(workers):
            start("worker", address, "--nthreads", "1", "--no-nanny")
        with Client(address) as client:
            _wait_for(lambda: len(client.nthreads()) == workers)
        yield address
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the Dask cluster did not start")
        time.sleep(0.05)
