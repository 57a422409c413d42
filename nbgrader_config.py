"""What nbgrader's commands need to know: an ordinary course in the ordinary folders."""

import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent

# nbgrader's commands do not put the course's own folder on the path.
sys.path.insert(0, str(ROOT))

from autograder.course import forgive_encodings, gradebook_url  # noqa: E402
from autograder.filesystem import adapt_nbgrader  # noqa: E402

adapt_nbgrader()
forgive_encodings()

# About nbgrader's own use of its database: nobody here can mend it.
warnings.filterwarnings("ignore", "Object of type", module=r"nbgrader\.api")

c = get_config()  # noqa: F821 (nbgrader provides it)

c.CourseDirectory.course_id = "deep-optimization"
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.db_url = gradebook_url(ROOT)

# What stands in a released exercise in the answer's place: the chapters' stub.
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}

# Grading: whatever was submitted is put in order, and the judge takes the place of the
# step that would run the notebook. What is in order has its cells and their metadata
# from the release, so nbgrader's repairs and checks would find nothing; but it must be
# given one of them, the least.
c.Autograde.exporter_class = "autograder.gradebook.SubmissionExporter"
c.Autograde.sanitize_preprocessors = ["nbgrader.preprocessors.ClearOutput"]
c.Autograde.autograde_preprocessors = [
    "autograder.gradebook.Judge",
    "nbgrader.preprocessors.LimitOutput",
    "autograder.gradebook.SaveMarks",
    "nbgrader.preprocessors.AssignLatePenalties",
]

# Feedback pages as nbgrader makes them, in a tenth of the time. They need no network:
# formulas are typeset when a page is made, the formgrader's pages too.
c.GenerateFeedback.exporter_class = "autograder.feedback.FeedbackExporter"
c.HTMLExporter.filters = {"markdown2html": "autograder.feedback.markdown2html"}

# In either step a notebook is validated once, when all is done to it.
c.SubmissionExporter.optimistic_validation = True
c.FeedbackExporter.optimistic_validation = True
