"""What the judge says: of each exercise its score, its status and the feedback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from descentlab.report import Report

STATUSES = ("passed", "partial", "failed", "error", "timeout", "missing", "rejected")


@dataclass(frozen=True)
class ExerciseVerdict:
    """The outcome of one exercise; ``status`` is one of ``STATUSES``.

    ``out_of_time`` tells that a call did not return in time, or not all of them: on a
    machine that is less busy they may.
    """

    score: float
    max_score: float
    status: str
    report: Report
    out_of_time: bool = False

    @property
    def misconceptions(self) -> Sequence[str]:
        """The names of the mistakes that were recognised, the most important first."""
        return self.report.misconceptions


@dataclass(frozen=True)
class Verdict:
    """The outcome of one notebook."""

    assignment: str
    exercises: Mapping[str, ExerciseVerdict]

    @property
    def score(self) -> float:
        """The marks earned."""
        return float(sum(verdict.score for verdict in self.exercises.values()))

    @property
    def max_score(self) -> float:
        """The marks that could be earned."""
        return float(sum(verdict.max_score for verdict in self.exercises.values()))

    def to_json(self) -> dict[str, Any]:
        """The object that ``grade --json`` prints."""
        return {
            "assignment": self.assignment,
            "score": self.score,
            "max_score": self.max_score,
            "exercises": {
                name: {
                    "score": float(verdict.score),
                    "max_score": float(verdict.max_score),
                    "status": verdict.status,
                    "feedback": str(verdict.report),
                    "misconceptions": list(verdict.misconceptions),
                }
                for name, verdict in self.exercises.items()
            },
        }
