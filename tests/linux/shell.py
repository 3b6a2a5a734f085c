#!/usr/bin/env python3
"""`tern shell` as a person uses it: typed through a pseudo-terminal, read from the screen.

    tests/linux/shell.py [--arch A] [--build B]

One line per test; the last line counts them.
"""
import argparse
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "boot"))
from terminal import Screen, TERN  # noqa: E402  pylint: disable=wrong-import-position

PROMPT = b"# "
ROWS, COLUMNS = 30, 100


class Shell:
    """A running `tern shell` and its screen."""

    def __init__(self, args):
        master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        resize(slave, ROWS, COLUMNS)
        self.tern = subprocess.Popen([TERN, "shell", "--arch", args.arch, "--build", args.build,
                                      "--timeout", "300"], stdin=slave, stdout=slave, stderr=slave,
                                     start_new_session=True)
        self.screen = Screen(master)
        self.screen.wait(PROMPT)

    def command(self, line, *wanted):
        """Types a line; each of `wanted` must then come, in order, and the prompt."""
        self.screen.type(line.encode() + b"\r")
        self.screen.wait(line.encode())  # its echo
        for text in wanted:
            self.screen.wait(text.encode())
        self.screen.wait(PROMPT)

    def start(self, line):
        """Types a line whose program says nothing, and gives it a second to run."""
        self.screen.type(line.encode() + b"\r")
        self.screen.wait(line.encode())
        time.sleep(1)

    def end(self):
        self.screen.type(b"exit 7\r")
        status = self.tern.wait(60)
        assert status == 7, f"status {status}"
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is not as it was"

    def kill(self):
        if self.tern.poll() is None:
            self.tern.kill()
            self.tern.wait()


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_tools(shell):
    """ls, ps, pipes, awk, vi's file."""
    shell.command("ls /", "bin", "proc", "usr")
    shell.command("ps", "PID", "busybox sh")
    shell.command("seq 1 100 | awk '{ s += $1 } END { print \"sum\", s }'", "sum 5050")
    shell.command("stty size; tty", f"{ROWS} {COLUMNS}", "/dev/console")


def test_editor(shell):
    """vi draws its screen, takes text, writes the file."""
    shell.screen.type(b"vi /tmp/note\r")
    shell.screen.wait(b"/tmp/note")
    shell.screen.type(b"iterns fly far")
    shell.screen.wait(b"terns fly far")
    shell.screen.type(b"\x1b")
    shell.screen.wait(b"Modified")
    shell.screen.type(b":wq\r")
    shell.screen.wait(PROMPT)
    shell.command("cat /tmp/note | tr a-z A-Z", "TERNS FLY FAR")


def test_top(shell):
    """top fills the screen until q."""
    shell.screen.type(b"top\r")
    shell.screen.wait(b"Load average")
    shell.screen.wait(b"top")
    shell.screen.type(b"q")
    shell.screen.wait(PROMPT)


def test_job_control(shell):
    """Ctrl-C ends what runs in front, Ctrl-Z stops it; jobs, fg, bg, kill."""
    shell.start("sleep 100")
    shell.screen.type(b"\x03")
    shell.screen.wait(PROMPT)
    shell.command("echo status $?", "status 130")
    shell.start("sleep 200")
    shell.screen.type(b"\x1a")
    shell.screen.wait(b"Stopped")
    shell.screen.wait(PROMPT)
    shell.command("jobs", "Stopped", "sleep 200")
    shell.command("bg", "sleep 200")
    shell.command("jobs", "Running", "sleep 200")
    shell.command("kill %1; wait; echo gone", "gone")


def test_history(shell):
    """The arrow up brings the line before."""
    shell.command("echo first-$((40 + 2))", "first-42")
    shell.screen.type(b"\x1b[A\r")
    shell.screen.wait(b"first-42")
    shell.screen.wait(PROMPT)


def test_resize(shell):
    """A new size of the terminal is the guest's."""
    resize(shell.slave, 40, 120)
    os.kill(shell.tern.pid, 28)  # SIGWINCH: no terminal driver sends it, tern is its own session
    shell.command("sleep 1; stty size", "40 120")


TESTS = [test_tools, test_editor, test_top, test_job_control, test_history, test_resize]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="x86_64")
    parser.add_argument("--build", default="debug")
    args = parser.parse_args()
    shell, passed, failed = Shell(args), 0, 0
    try:
        for test in TESTS + [lambda s: s.end()]:
            name = getattr(test, "__name__", "")
            name = "shell." + ("end" if name == "<lambda>" else name.removeprefix("test_"))
            try:
                test(shell)
                passed += 1
                print(f"ok   {name}", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"FAIL {name}: {error}", flush=True)
                break  # the screen is not where the next one begins
    finally:
        shell.kill()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
