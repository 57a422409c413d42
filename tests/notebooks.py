"""Notebooks as students hand them in, made cell by cell."""

import json
from typing import Any


def cell(source: str, kind: str = "code", **metadata: Any) -> dict[str, Any]:
    """One cell; what an output or a count would add, no judge looks at."""
    made = {"cell_type": kind, "metadata": metadata, "source": source}
    if kind == "code":
        made |= {"outputs": [], "execution_count": None}
    return made


def answer(name: str, source: str, **changed: Any) -> dict[str, Any]:
    """The cell of an exercise, with nbgrader's metadata as released."""
    about = {"grade_id": name, "grade": False, "solution": True, "locked": False}
    about |= {"schema_version": 3, "task": False, **changed}
    return cell(source, nbgrader=about, tags=["exercise"])


def checked(name: str, points: int = 4, **changed: Any) -> dict[str, Any]:
    """The check cell of an exercise, with nbgrader's metadata as released."""
    about = {"grade_id": f"check_{name}", "grade": True, "solution": False}
    about |= {"locked": True, "points": points, "schema_version": 3, "task": False}
    about |= changed
    return cell(f"check({name})", nbgrader=about, tags=["check"])


def document(cells: list[Any], **metadata: Any) -> dict[str, Any]:
    """A notebook of some cells."""
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": python, "language_info": {"name": "python"}} | metadata
    return {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 4}


def notebook(*cells: Any, **metadata: Any) -> bytes:
    """The file of a notebook of some cells."""
    return json.dumps(document(list(cells), **metadata)).encode()


IMPORTS = cell("import numpy as np\nfrom descentlab import check, exercise, recall")


def submission(answers: dict[str, str], *before: dict[str, Any]) -> bytes:
    """A notebook with an answer and a check for each exercise, as in a chapter."""
    pairs = [(answer(name, text), checked(name)) for name, text in answers.items()]
    return notebook(IMPORTS, *before, *(one for pair in pairs for one in pair))
