"""How far a command is, for people who wait for it."""

import sys


def say(line: str) -> None:
    """Write a line to stderr at once.

    In one piece, since chapters that run side by side speak at the same time.
    """
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
