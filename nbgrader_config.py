"""What nbgrader's commands need to know: an ordinary course in the ordinary folders."""

from pathlib import Path

c = get_config()  # noqa: F821 (nbgrader provides it)

c.CourseDirectory.course_id = "deep-optimization"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)

# What stands in a released exercise in the answer's place: the chapters' stub.
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
