"""The judge of notebooks; it knows nothing of what the exercises compute."""

from autograder.judge.bubblewrap import SandboxError
from autograder.judge.exercise import Exercise, Misconception, Run
from autograder.judge.judge import Times, judge
from autograder.judge.notebook import NotebookError
from autograder.judge.sandbox import Limits
from autograder.judge.verdict import ExerciseVerdict, Verdict
from descentlab.compare import Case

__all__ = [
    "Case",
    "Exercise",
    "ExerciseVerdict",
    "Limits",
    "Misconception",
    "NotebookError",
    "Run",
    "SandboxError",
    "Times",
    "Verdict",
    "judge",
]
