"""One at a time, also where the file system has no locks."""

import errno
import fcntl
import json
import multiprocessing
import os
import subprocess
import sys

import pytest

from autograder import lock
from autograder.course import CourseError
from autograder.lock import alone

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def refuse(monkeypatch, code):
    def flock(file, operation):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.fixture(params=NO_LOCKS, ids=errno.errorcode.get)
def without_locks(request, monkeypatch):
    refuse(monkeypatch, request.param)


def held(root):
    return root / ".verdicts" / "lock.held"


def test_without_locks_one_at_a_time_all_the_same(tmp_path, without_locks):
    for _ in range(2):
        with alone(tmp_path):
            words = rf"\(process {os.getpid()} on .*delete {held(tmp_path)}$"
            with pytest.raises(CourseError, match=words), alone(tmp_path):
                pytest.fail("two at once")
        assert not held(tmp_path).exists()


def test_on_windows_one_at_a_time_too(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    words = "another `class` is at work"
    with alone(tmp_path), pytest.raises(CourseError, match=words), alone(tmp_path):
        pytest.fail("two at once")


def test_the_lock_goes_with_an_error(tmp_path, without_locks):
    with pytest.raises(ValueError, match="inside"), alone(tmp_path):
        raise ValueError("inside")
    with pytest.raises(OSError, match="inside"), alone(tmp_path):
        raise OSError(errno.ENOSPC, "inside")
    assert not held(tmp_path).exists()


def ended():
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_behind(root, **who):
    """What a process leaves that was killed."""
    held(root).mkdir(parents=True)
    mark = {"pid": ended(), "host": "there", "machine": lock._machine(), "since": "now"}
    (held(root) / "mark").write_text(json.dumps({**mark, **who}))


@pytest.mark.skipif(sys.platform != "linux", reason="marks are Linux's")
def test_what_a_killed_process_left_is_cleared_away(tmp_path, without_locks):
    left_behind(tmp_path)
    with alone(tmp_path):
        (mark,) = held(tmp_path).iterdir()
        assert json.loads(mark.read_text())["pid"] == os.getpid()


@pytest.mark.parametrize(
    "who", [{"pid": os.getpid()}, {"machine": "another"}, {"machine": ""}]
)
@pytest.mark.parametrize("locks", [True, False])
def test_what_may_be_at_work_is_not(tmp_path, monkeypatch, who, locks):
    """On another machine nobody can see whether a process lives."""
    if not locks:
        refuse(monkeypatch, errno.ENOLCK)
    left_behind(tmp_path, **who)
    with pytest.raises(CourseError, match="on there, now"), alone(tmp_path):
        pytest.fail("two at once")
    assert held(tmp_path).exists()


def test_one_that_is_only_just_made_is_respected(tmp_path, without_locks):
    held(tmp_path).mkdir(parents=True)
    with pytest.raises(CourseError, match="if it was killed, delete"), alone(tmp_path):
        pytest.fail("two at once")


def contend(root, ready, inside, most):
    """Take the lock now and then, and count who else is inside."""
    fcntl.flock = lambda *args: (_ for _ in ()).throw(OSError(errno.ENOLCK, "none"))
    ready.wait()
    for _ in range(200):
        try:
            with alone(root):
                with inside.get_lock():
                    inside.value += 1
                    most.value = max(most.value, inside.value)
                with inside.get_lock():
                    inside.value -= 1
        except CourseError:
            pass


def test_many_processes_never_have_it_at_once(tmp_path):
    """Each run begins with a lock that a killed process left."""
    left_behind(tmp_path)
    context = multiprocessing.get_context("fork")
    inside, most = context.Value("i", 0), context.Value("i", 0)
    ready = context.Barrier(4)
    arguments = tmp_path, ready, inside, most
    processes = [context.Process(target=contend, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert most.value == 1 and inside.value == 0
    assert not held(tmp_path).exists()


def test_another_error_is_told_as_what_it_is(tmp_path, monkeypatch):
    refuse(monkeypatch, errno.EIO)
    words = "cannot be written: Input/output error"
    with pytest.raises(CourseError, match=words), alone(tmp_path):
        pytest.fail("not locked")


def test_a_full_disk_leaves_no_lock(tmp_path, monkeypatch, without_locks):
    def full(path, *args, **options):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(lock.Path, "write_text", full)
        with pytest.raises(CourseError, match="No space left"), alone(tmp_path):
            pytest.fail("no mark was made")
    with alone(tmp_path):
        pass
