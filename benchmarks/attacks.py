"""What the judge withstands: ``make attacks``.

Runs the tests of ``tests/attacks``: every attack, and every wall taken away. The
result goes to ``results/attacks.json``, which the page on the threat model shows.
"""

from __future__ import annotations

import os
import platform
import sys
from collections import Counter
from typing import Any

import pytest

from autograder.course import ROOT
from autograder.judge import bubblewrap
from benchmarks.record import record

FILES = ("tests/attacks/test_attacks.py", "tests/attacks/test_walls.py")


class Listener:
    """A plug-in of pytest's that hears what each test tells of its attack."""

    def __init__(self) -> None:
        self.tried: Counter[str] = Counter()
        self.earned: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.walls: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test recorded once it has run."""
        told = dict(report.user_properties)
        if report.when != "call":
            return
        if "attack" in told:
            family, score = told["attack"]
            self.tried[family] += 1
            self.earned[family] += score > 0
            self.failed[family] += report.failed
        if "wall" in told:
            self.walls.append(told["wall"] | {"outcome": WORDS[report.outcome]})

    def results(self) -> dict[str, Any]:
        """What is written down."""
        families = [
            {
                "family": name,
                "attacks": self.tried[name],
                "earned": self.earned[name],
                "failed": self.failed[name],
            }
            for name in sorted(self.tried)
        ]
        held = sum(wall["outcome"] == WORDS["passed"] for wall in self.walls)
        return {
            "families": families,
            "attacks": self.tried.total(),
            "earned": self.earned.total(),
            "failed": self.failed.total(),
            "walls": self.walls,
            "walls_all": len(self.walls),
            "walls_held": held,
            "user": "root" if os.getuid() == 0 else "an ordinary user",
        }


WORDS = {"passed": "got through", "failed": "FAILED", "skipped": "not as root"}
"""How a wall's test ended: what its attack did once the wall was gone."""


def main() -> int:
    """Attack, print what pytest prints, write the results."""
    listener = Listener()
    os.chdir(ROOT)
    status = pytest.main(["-q", *FILES], plugins=[listener])
    if not listener.tried:
        print("no attack was tried: see above", file=sys.stderr)
        return 2
    others = {"bubblewrap": bubblewrap.version(), "Linux": platform.release()}
    results = listener.results()
    path = record("attacks", "make attacks", ["numpy"], results, others)
    print(
        f"{results['attacks']} attacks, {results['earned']} earned a mark;"
        f" {results['walls_held']} of {results['walls_all']} walls hold something;"
        f" written to {path.relative_to(ROOT)}"
    )
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
