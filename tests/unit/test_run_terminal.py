#!/usr/bin/env python3
"""Tests of `tern run` and `tern shell` on a pseudo-terminal, with a fake guest in QEMU's place: the
terminal is raw while the guest has it, and as it was whatever happens.
"""
import json
import os
import pty
import signal
import sys
import termios
import time
import unittest

import counted
from copy_of_tern import SECONDS, THE_COPY, OnTerminal
from tern import session  # copy_of_tern has set the path


class Terminals(unittest.TestCase):
    def test_keys_are_bytes(self):
        with OnTerminal("run", "--", "keys") as screen:
            screen.wait(b"begin\r\n")
            self.assertTrue(screen.is_raw())
            screen.type(b"\x03\x04\x1a\r\x7fq")
            screen.wait(b"<3><4><26><13><127><113>")
            self.assertEqual(screen.end(), 0)

    def test_sizes(self):
        with OnTerminal("run", "--", "keys", rows=11, columns=22) as screen:
            screen.wait(b"begin")
            termios.tcsetwinsize(screen.master, (33, 44))
            time.sleep(0.5)
            screen.type(b"q")
            screen.wait(b"size 11 22\nsize 33 44\n")
            self.assertEqual(screen.end(), 0)

    def test_request_has_the_terminal(self):
        with OnTerminal("shell", "--env", "X=y", rows=11, columns=22) as screen:
            screen.tern.terminate()
            self.assertIn(screen.end(), (-signal.SIGTERM, 128 + signal.SIGTERM))
        with OnTerminal("run", "--", "describe", rows=11, columns=22) as screen:
            screen.wait(b'["tty", "1"], ["rows", "11"], ["cols", "22"]')
            screen.wait(b"TERM=fancy")
            self.assertEqual(screen.end(), 0)

    def test_shell(self):
        """The fake guest echoes for a program that it does not know."""
        with OnTerminal("shell") as screen:
            limit = time.monotonic() + SECONDS
            while not screen.is_raw() and time.monotonic() < limit:
                time.sleep(0.05)
            screen.type(b"typed\x03")
            screen.wait(b"typed\x03")
            screen.tern.terminate()
            self.assertEqual(screen.end(), 128 + signal.SIGTERM)

    def test_restored_after_deaths(self):
        for words, status in ((("die", "1", "ready", ""), 125), (("ready_then", "signal 15"), 143),
                              (("ready_then", "hello"), 125), (("die", "-9", "ready", ""), 125)):
            with OnTerminal("run", "--", *words) as screen:
                screen.wait(b"" if status == 143 else b"tern: ")
                self.assertEqual(screen.end(), status)

    def test_restored_after_signals(self):
        for number in session.SIGNALS:
            with OnTerminal("run", "--", "keys") as screen:
                screen.wait(b"begin")
                screen.tern.send_signal(number)
                self.assertEqual(screen.end(), 128 + number)

    def test_restored_after_the_time_limit(self):
        with OnTerminal("run", "--timeout", "1", "--", "keys") as screen:
            self.assertEqual(screen.end(), 124)

    def test_restored_though_the_screen_takes_nothing(self):
        with OnTerminal("run", "--", "huge", "99999999") as screen:
            screen.wait(b"\0\0\0\1")
            time.sleep(0.5)
            screen.tern.terminate()
            self.assertEqual(screen.end(), 128 + signal.SIGTERM)

    def test_restored_whenever_ctrl_c_comes(self):
        """From the start of the command to a running guest, in which it is a key. Python itself
        ends with 1 if it comes while Python starts."""
        for step in range(12):
            with OnTerminal("run", "--", "keys") as screen:
                time.sleep(step * 0.07)
                screen.type(b"\x03q")
                self.assertIn(screen.end(), (-signal.SIGINT, 1, 130, 0))

    def test_restored_whenever_signals_come(self):
        for step in range(8):
            with OnTerminal("run", "--", "ready_then", "exit 9") as screen:
                time.sleep(0.1 + step * 0.1)
                for number in session.SIGNALS:
                    screen.tern.send_signal(number)
                self.assertIn(screen.end(), (1, 9, *(128 + n for n in session.SIGNALS),
                                             *(-n for n in session.SIGNALS)))

    def test_a_pipe_is_no_terminal(self):
        """Only stdout is a pipe: the terminal stays as it is, and Ctrl-C ends the run."""
        reader, writer = os.pipe()
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        with THE_COPY.start("run", "--", "describe", stdin=slave, stdout=writer) as tern:
            os.close(writer)
            with open(reader, "rb") as stream:
                said = json.loads(stream.read())
        self.assertEqual(tern.returncode, 0)
        self.assertNotIn("tty", dict(said["request"]))
        self.assertEqual(termios.tcgetattr(slave), before)
        os.close(master)
        os.close(slave)


if __name__ == "__main__":
    sys.exit(counted.main())
