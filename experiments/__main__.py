"""``python -m experiments [NAME ...]``: run what has no current result."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager

from experiments.lab import find, is_current, names, perform, place


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0, or 1 where a sign did not come out, 2 for a wrong call."""
    options = _parser().parse_args(arguments)
    known = names()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        print(f"no experiment {unknown[0]!r}: try {', '.join(known)}", file=sys.stderr)
        return 2
    wanted = options.names or known
    if not (options.quick or options.force):
        current = [name for name in wanted if is_current(name)]
        wanted = [name for name in wanted if name not in current]
        for name in current:
            print(f"{name}: its result is current")
    failed = 0
    try:
        with _executor(options.scheduler, options.workers) as executor:
            for name in wanted:
                failed += not _perform(name, executor, options.quick)
    except KeyboardInterrupt:
        print("interrupted: what is done is kept, run it again", file=sys.stderr)
        return 130
    return 1 if failed else 0


def _perform(name: str, executor: Executor, quick: bool) -> bool:
    """Run one experiment and say how it went; whether all its signs came out."""
    result = perform(name, executor, quick)
    print(f"{name}: {result.seconds} s, {place(name, quick)}")
    good = True
    for sign in find(name).signs:
        holds = sign.holds(result)
        good &= holds
        words = "as expected" if holds else "NOT SEEN"
        print(f"  {sign.metric}: {sign.lower} below {sign.higher}: {words}")
    return good


@contextmanager
def _executor(scheduler: str | None, workers: int | None) -> Iterator[Executor]:
    """Processes of this machine, or a running Dask cluster's workers."""
    if scheduler is None:
        # A fork would inherit PyTorch's threads in whatever state they are.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers or os.cpu_count(), context) as executor:
            yield executor
        return
    from distributed import Client

    with Client(scheduler, set_as_default=False) as client:
        yield client.get_executor()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    parser.add_argument("--quick", action="store_true", help="a reduced run")
    parser.add_argument("--force", action="store_true", help="current results too")
    parser.add_argument("--workers", type=int, help="processes, default: all cores")
    parser.add_argument("--scheduler", help="address of a running Dask cluster")
    return parser


if __name__ == "__main__":
    sys.exit(main())
