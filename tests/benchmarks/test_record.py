"""How a benchmark's goals are written down."""

import pytest

from benchmarks import record


@pytest.mark.parametrize(
    ("row", "wanted", "met"),
    [
        (record.at_most(1.05, "a ratio", 1.05), "1.05 or less", True),
        (record.at_most(1, "a ratio", 2), "1 or less", False),
        (record.at_most(0, "a count", 0), "0", True),
        (record.at_least(6, "a throughput", 6), "6 or more", True),
        (record.at_least(6, "a throughput", 5.9), "6 or more", False),
    ],
)
def test_a_goal_is_met_or_not(row, wanted, met):
    assert (row["wanted"], row["met"]) == (wanted, met)
