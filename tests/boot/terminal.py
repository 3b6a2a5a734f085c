#!/usr/bin/env python3
"""Tests what a person does at a terminal: `tern boot` under a pty, and `tern gdb`.

    python3 tests/boot/terminal.py [--arch A]

One line per test; the last line counts them.
"""
import argparse
import os
import pty
import select
import subprocess
import sys
import termios
import time

import matrix  # noqa: F401  (first: it makes tools/tern importable)
from tern.paths import ROOT

TERN = os.path.join(ROOT, "tern")
SECONDS = 60


class Screen:
    """What came out of a pty, and how far it has been looked at."""

    def __init__(self, file):
        self.file, self.output, self.seen = file, b"", 0

    def wait(self, text):
        """Reads until `text` has come behind what was looked at before."""
        limit = time.monotonic() + SECONDS
        while text not in self.output[self.seen:]:
            ready, _, _ = select.select([self.file], [], [], max(0.0, limit - time.monotonic()))
            if not ready:
                raise AssertionError(f"{text!r} did not come: {self.output[-1500:]!r}")
            try:
                self.output += os.read(self.file, 65536)
            except OSError as error:  # how a pty says that the other side is gone
                raise AssertionError(f"ended before {text!r}: {self.output[-1500:]!r}") from error
        self.seen = self.output.index(text, self.seen) + len(text)

    def type(self, keys):
        os.write(self.file, keys)


def test_monitor(arch):
    """Types commands, a mistake and its correction; Ctrl-A x quits and restores the terminal."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    tern = subprocess.Popen([TERN, "boot", "--arch", arch, "--smp", "2"], stdin=slave,
                            stdout=slave, stderr=slave, start_new_session=True)
    screen = Screen(master)
    try:
        screen.wait(b"tern> ")
        screen.type(b"cpus\r")
        screen.wait(b"cpu 1:")
        screen.wait(b"tern> ")
        screen.type(b"metrixx\x7f\x7fcs\r")
        screen.wait(b"interrupts taken")
        screen.wait(b"tern> ")
        screen.type(b"\x01x")
        if tern.wait(SECONDS) != 0:
            raise AssertionError(f"it ended with status {tern.returncode}")
        if termios.tcgetattr(slave) != before:
            raise AssertionError("the terminal is not as it was")
    finally:
        if tern.poll() is None:
            tern.terminate()
            tern.wait()
        os.close(master)
        os.close(slave)


def test_gdb(arch):
    """One command gives a debugger with symbols and source lines."""
    done = subprocess.run([TERN, "gdb", "--arch", arch, "--", "-batch", "-ex",
                           "hbreak monitor_start", "-ex", "continue", "-ex", "backtrace", "-ex",
                           "print the_boot_info.protocol"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True, timeout=SECONDS)
    protocol = {"x86_64": '"pvh"', "aarch64": '"image"'}[arch]
    for text in ("Breakpoint 1, ", "kernel_main_climb () at kernel/boot/main.c", protocol):
        if text not in done.stdout:
            raise AssertionError(f"{text!r} is missing in: {done.stdout[-1500:]}")


def test_addr(arch):
    """`tern addr` names an address."""
    elf = os.path.join(ROOT, "build", arch, "debug", "tern.elf")
    lines = subprocess.run(["llvm-nm-19", elf], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    address = next(line.split()[0] for line in lines if line.endswith(" kernel_main"))
    done = subprocess.run([TERN, "addr", "--arch", arch, "0x" + address], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if "kernel_main" not in done.stdout or "main.c" not in done.stdout:
        raise AssertionError(f"0x{address} is not named: {done.stdout}")


TESTS = {"terminal monitor": test_monitor, "terminal gdb": test_gdb, "terminal addr": test_addr}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", default="x86_64", choices=("x86_64", "aarch64"))
    arch = parser.parse_args().arch
    passed = failed = 0
    for name, test in TESTS.items():
        try:
            test(arch)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"FAIL {name}\n     {error}", flush=True)
        else:
            passed += 1
            print(f"ok   {name}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
