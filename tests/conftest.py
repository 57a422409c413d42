"""Settings for all tests."""

from hypothesis import settings

# The same examples in each run, so that a green build stays green; and no deadline for
# one example: on a busy machine the first of a function takes long.
settings.register_profile("course", derandomize=True, deadline=None)
settings.load_profile("course")
