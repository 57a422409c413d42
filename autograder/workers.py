"""Who judges a class: threads of this process, or the workers of a Dask cluster.

Either is an executor of ``concurrent.futures``. A worker waits most of the time: what
costs time runs in the sandbox, a process of its own.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from autograder.course import KEY_FILE, ROOT, CourseError
from autograder.judge import SandboxError, Verdict
from autograder.judge.sandbox import Sandbox
from autograder.verdicts import Verdicts, fingerprint, reach

PATIENCE = 10.0
"""Seconds in which a cluster must answer."""
TURN = 0.0005
"""Seconds after which a thread at work makes room for another that has something to do.

A judge speaks with its sandbox a hundred times over; with Python's five milliseconds it
would wait for the thread that writes down most of its time.
"""


class GraderFault(Exception):
    """The judge failed on one notebook, which is no fault of the notebook's."""


@dataclass(frozen=True)
class Workers:
    """An executor and how many notebooks it judges at once.

    ``faults`` are the errors that one notebook brings about: any other tells that the
    workers are of no use. ``check`` raises a CourseError where no worker is left.
    """

    executor: Executor
    count: int
    judge: Callable[..., Verdict]
    faults: tuple[type[Exception], ...] = (GraderFault,)
    check: Callable[[], object] = lambda: None

    def submit(self, name: str, assignment: str, data: bytes) -> Future[Verdict]:
        """Have a notebook judged.

        Args:
            name: what its verdict is to be called; who would call it otherwise has
                another version of the course, and refuses.
        """
        return self.executor.submit(self.judge, name, fingerprint(), assignment, data)


@contextmanager
def threads(root: Path, count: int | None = None) -> Iterator[Workers]:
    """Threads of this process, as many as the machine has processors.

    What still runs when the context is left by an error goes on for a while: a sandbox
    ends by its limits at last, or with this process.

    Raises:
        SandboxError: where no sandbox can be had.
    """
    Sandbox().close()
    count = count or os.cpu_count() or 1
    executor = ThreadPoolExecutor(count)
    turn = sys.getswitchinterval()
    sys.setswitchinterval(TURN)
    try:
        yield Workers(executor, count, partial(judged, root=root))
    finally:
        sys.setswitchinterval(turn)
        executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def cluster(address: str) -> Iterator[Workers]:
    """The workers of a Dask cluster that is running.

    Raises:
        CourseError: where none answers at that address, or it has no workers.
    """
    # Only here: importing it takes a second.
    import dask

    # What it logs of a lost connection takes pages; one line is raised instead.
    quiet = dict.fromkeys(("distributed", "distributed.client"), "critical")
    dask.config.set({"logging": quiet})
    from distributed import Client, KilledWorker
    from distributed.comm.addressing import get_address_host_port

    try:
        get_address_host_port(address, strict=True)
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        message = f"no Dask scheduler answers at {address}: {reason}"
        raise CourseError(message) from None

    def count() -> int:
        try:
            # While the connection is lost, a question would wait for it.
            found = sum(client.nthreads().values()) if client.status == "running" else 0
        except OSError:
            found = 0
        if not found:
            raise CourseError(f"the Dask cluster at {address} has no workers left")
        return found

    with client:
        # Dask gives a notebook up that has cost it several workers.
        faults = (GraderFault, KilledWorker)
        yield Workers(client.get_executor(), count(), judged, faults, count)


def judged(
    name: str, version: str, assignment: str, data: bytes, root: Path = ROOT
) -> Verdict:
    """A worker's task: the verdict on a notebook, if it is to be what ``name`` says.

    Raises:
        CourseError: where this machine's course is not the one that asks.
        SandboxError: where no sandbox can be had.
        GraderFault: for any other error.
    """
    host = platform.node()
    if fingerprint() != version:
        raise CourseError(
            f"the worker on {host} has another version of the course, of Python or of"
            " NumPy: bring it up to date and restart it"
        )
    if Verdicts(root).name(assignment, data) != name:
        raise CourseError(
            f"the worker on {host} draws other inputs: give it this course's {KEY_FILE}"
        )
    try:
        return reach(assignment, data, root)
    except CourseError:
        raise
    except SandboxError as error:
        raise SandboxError(f"{host}: {error}") from None
    except Exception as error:
        raise GraderFault(in_short(error)) from None


def in_short(error: Exception) -> str:
    """An error in one line of bearable length."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:200].rstrip(": ")
