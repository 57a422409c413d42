"""The learner's package of the course *Deep Optimization*.

A chapter's notebook begins with ``from descentlab import check, exercise, recall``.
That import needs NumPy alone: Matplotlib comes with ``descentlab.figures``, PyTorch
with ``descentlab.scale``, each only when asked for.
"""

from descentlab.check import check
from descentlab.exercise import exercise, glue, recall
from descentlab.notebook import watch_this_notebook
from descentlab.steps import trace

__all__ = ["check", "exercise", "glue", "recall", "trace"]
__version__ = "0.1.0"

watch_this_notebook()
