#!/usr/bin/env python3
"""Tests of `tern run` with a fake guest in QEMU's place (copy_of_tern.py, fake_guest.py): bytes,
ends, and what the guest is given. Terminals are in test_run_terminal.py.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import counted
from copy_of_tern import MANIFEST, SECONDS, THE_COPY
from tern import packages, ports, program, session, system  # copy_of_tern has set the path
from tern.paths import TernError
from tern.tree import Tree


def play(*words, options=(), **more):
    return THE_COPY.run(*options, "--", *words, **more)


class Streams(unittest.TestCase):
    def test_every_byte_comes_back(self):
        given = bytes(range(256)) * 997 + os.urandom(100001)
        done = play("echo", given=given)
        self.assertEqual((done.returncode, done.stdout == given, done.stderr), (0, True, b""))

    def test_no_input(self):
        done = play("echo", given=b"")
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_input_that_is_a_file(self):
        path = THE_COPY.write("input", "in a file\n")
        with open(path, "rb") as file:
            done = subprocess.run(THE_COPY.line("run", "--", "echo"), stdin=file, check=False,
                                  env=THE_COPY.environment, capture_output=True, timeout=SECONDS)
        self.assertEqual(done.stdout, b"in a file\n")

    def test_stderr_is_apart(self):
        done = play("streams")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (3, b"to out\n", b"to err\n"))

    def test_all_of_a_huge_output_comes(self):
        done = play("huge", "8192")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout, b"".join(n.to_bytes(4, "big") * 1024 for n in range(8192)))

    def test_a_slow_reader_holds_the_guest(self):
        """32 MiB do not fit anywhere between: the guest waits, and nothing is lost."""
        with THE_COPY.start("run", "--", "huge", "8192", stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE) as tern:
            first = os.read(tern.stdout.fileno(), 1)
            time.sleep(1)
            self.assertIsNone(tern.poll())
            rest = tern.stdout.read()
        self.assertEqual((tern.returncode, len(first + rest)), (0, 8192 * 4096))

    def test_a_guest_that_reads_nothing(self):
        self.assertEqual(play("deaf", given=bytes(1 << 22)).returncode, 5)

    def test_a_reader_that_leaves(self):
        with THE_COPY.start("run", "--", "huge", "999999999", stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as tern:
            os.read(tern.stdout.fileno(), 1)
            tern.stdout.close()
            self.assertEqual(tern.wait(SECONDS), 128 + signal.SIGPIPE)
            self.assertEqual(tern.stderr.read(), b"")

    def test_an_output_that_is_full(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(THE_COPY.line("run", "--", "huge", "9"), stdout=full,
                                  env=THE_COPY.environment, stdin=subprocess.DEVNULL, check=False,
                                  stderr=subprocess.PIPE, timeout=SECONDS)
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"No space left", done.stderr)

    def test_closed_standard_files(self):
        done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&-', "sh",
                               *THE_COPY.line("run", "--", "streams")], env=THE_COPY.environment,
                              stderr=subprocess.PIPE, check=False, timeout=SECONDS)
        self.assertEqual((done.returncode, done.stderr), (3, b"to err\n"))

    def test_an_output_that_somebody_made_nonblocking(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        with THE_COPY.start("run", "--", "huge", "1000", stdin=subprocess.DEVNULL,
                            stdout=writer) as tern:
            os.close(writer)
            with open(reader, "rb") as stream:
                self.assertEqual(len(stream.read()), 1000 * 4096)
        self.assertEqual(tern.returncode, 0)


class Ends(unittest.TestCase):
    """(lines of the guest, exit status, what is said)"""

    ROWS = ((("exit 0",), 0, b""), (("exit 77",), 77, b""), (("exit 255",), 255, b""),
            (("signal 9",), 137, b""), (("signal 2",), 130, b""),
            (("error the job has no memory",), 125, b"tern: the job has no memory\n"),
            (("error 127 nosuch: not found",), 127, b"tern: nosuch: not found\n"),
            (("error 126 notes: not executable",), 126, b"tern: notes: not executable\n"),
            (("error 12 monkeys",), 125, b"tern: 12 monkeys\n"),
            (("exit 4", "exit 5"), 4, b""))

    def test_each_row(self):
        before = THE_COPY.runs()
        for number, (lines, status, said) in enumerate(self.ROWS):
            with self.subTest(lines=lines):
                done = play("say" if number % 2 else "ready_then", *lines)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (status, b"", said))
        self.assertEqual(THE_COPY.runs(), before)

    def test_lines_that_mean_nothing(self):
        for line in ("", "exit", "exit -1", "exit 256", "exit two", "signal 0", "signal 65",
                     "ready now", "missing", "missing fork", "missing fork often", "exit \u0664",
                     " exit 0", "exit 0 ", "Exit 0", "size 1 2"):
            with self.subTest(line):
                one = session.Session()
                one.take_line(line)
                self.assertEqual((one.status, one.failed), (125, True))
                self.assertIn(repr(line), one.words)
        done = play("say", "hello")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertEqual(done.stderr, b"tern: the guest said 'hello' on tern.control, "
                         b"which means nothing\n")

    def test_ready_twice(self):
        self.assertEqual(play("ready_then", "ready").returncode, 125)

    def test_death_shows_the_end_of_the_log(self):
        before = THE_COPY.runs()
        done = play("die", "69", "ready", "exi")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        lines = done.stderr.decode().splitlines()
        self.assertEqual(lines[-1], "tern: the guest ended without the end of the program: "
                         "the kernel left with status 2: panic")
        self.assertEqual(lines[-2], "kernel: panic")
        self.assertNotIn("kernel: begin", lines)
        kept, = set(THE_COPY.runs()) - set(before)
        self.assertIn(f"(all 52 lines are in build/run/{kept}/serial.log)", lines)
        self.assertEqual(sorted(os.listdir(os.path.join(THE_COPY.root, "build", "run", kept))),
                         ["qemu.log", "serial.log"])

    def test_deaths(self):
        for words, said in ((("0",), "before it was ready: the machine was switched off"),
                            (("0", "ready", "exit 0"), "switched off"),
                            (("1",), "QEMU failed with status 1"),
                            (("-11", "ready", ""), "QEMU was ended by signal 11")):
            with self.subTest(words):
                done = play("die", *words)
                self.assertEqual(done.returncode, 125)
                self.assertTrue(done.stderr.decode().rstrip().endswith(said), done.stderr)

    def test_what_qemu_complains_of(self):
        done = play("complain")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"no such device", done.stderr)

    def test_time_limit(self):
        """The log stays only of a guest that was not even ready."""
        for lines in (("ready",), ()):
            begun, before = time.monotonic(), THE_COPY.runs()
            done = play("say", *lines, options=("--timeout", "1"))
            self.assertEqual(done.returncode, 124)
            self.assertEqual(done.stderr, b"tern: no end within 1 seconds: QEMU was stopped\n")
            self.assertLess(time.monotonic() - begun, SECONDS / 2)
            self.assertEqual(THE_COPY.runs() == before, lines == ("ready",))

    def test_time_limit_while_nobody_reads(self):
        with THE_COPY.start("run", "--timeout", "1", "--", "huge", "99999999",
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE) as tern:
            self.assertEqual(tern.wait(SECONDS), 124)

    def test_missing_calls(self):
        lines = ("missing io_uring_setup 3", "missing ioctl TIOCGPTPEER 1", "exit 1")
        done = play("ready_then", *lines, options=("--missing",))
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertEqual(done.stderr, b"tern: missing: io_uring_setup, 3 times\n"
                         b"tern: missing: ioctl TIOCGPTPEER, 1 times\n")
        self.assertEqual(play("say", *lines).stderr, b"")
        done = play("say", "exit 0", options=("--missing",))
        self.assertEqual(done.stderr, b"tern: missing: nothing\n")

    def test_signals_end_the_run(self):
        before = THE_COPY.runs()
        for number in session.SIGNALS:
            with THE_COPY.start("run", "--", "keys", stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE) as tern:
                os.read(tern.stdout.fileno(), 1)
                tern.send_signal(number)
                self.assertEqual(tern.wait(SECONDS), 128 + number)
        self.assertEqual(THE_COPY.runs(), before)


    def test_a_killed_tern_leaves_no_guest(self):
        with THE_COPY.start("run", "--", "pid", stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE) as tern:
            guest = int(tern.stdout.readline())
            tern.kill()
        limit = time.monotonic() + SECONDS
        while os.path.exists(f"/proc/{guest}"):
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.05)


class Request(unittest.TestCase):
    def describe(self, *options, words=()):
        done = play("describe", *words, options=options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_request(self):
        said = self.describe("--env", "A=b=c", "--env", "HOME=/x", "--cwd", "tmp/../tmp",
                             "--missing", words=("-l", "--", "", "a b\n"))
        self.assertEqual(said["request"], [
            ["arg", "describe"], ["arg", "-l"], ["arg", "--"], ["arg", ""], ["arg", "a b\n"],
            ["env", "PATH=" + program.PATH], ["env", "HOME=/x"], ["env", "USER=root"],
            ["env", "A=b=c"], ["cwd", "/tmp"], ["missing", "1"], said["request"][-1]])
        key, value = said["request"][-1]
        self.assertEqual(key, "time")
        self.assertLess(abs(int(value) / 1e9 - time.time()), 60)

    def test_archive_and_command_line(self):
        host = os.path.join(THE_COPY.root, "host")
        THE_COPY.write("host/given/deep/x", "from a folder")
        path = THE_COPY.write("host/tool", "a tool")
        os.chmod(path, 0o755)
        os.symlink("../tool", os.path.join(host, "given", "link"))
        said = self.describe("--root", host, "--file", path + ":/given/here", "--file", path,
                             "--file", path + ":tmp/", "--file", path + ":usr/bin")
        self.assertEqual(said["files"], {
            "tern/init.conf": MANIFEST, "tern/bin/linux": "program linux",
            "tern/bin/uart": "program uart", "root/given/deep/x": "from a folder",
            "root/given/here": "a tool"})
        for name in ("given/here", "tool", "tmp/tool", "usr/bin/tool"):
            self.assertEqual(said["members"]["root/" + name][0], 0o755)
        self.assertEqual(list(said["members"])[:3], ["root", "tern", "tern/init.conf"])
        self.assertEqual(list(said["members"])[-2:], ["tern/request", "tern/seed"])
        self.assertEqual(said["members"]["root/given/link"][1], "../tool")
        self.assertEqual(said["members"]["root/usr/bin/ls"][1], "busybox")
        line = " ".join(said["line"])
        for words in ("-smp 2", "-m 512M", "-append exit=debug", "-no-reboot", "-monitor none"):
            self.assertIn(words, line)

    def test_seed_differs_but_not_when_instructions_are_counted(self):
        seeds = [self.describe()["seed"] for _ in range(2)]
        self.assertEqual([len(seed) for seed in seeds], [64, 64])
        self.assertNotEqual(*seeds)
        counted_runs = [self.describe("--icount") for _ in range(2)]
        self.assertEqual(counted_runs[0]["seed"], counted_runs[1]["seed"])
        self.assertIn("-icount shift=0,sleep=off", " ".join(counted_runs[0]["line"]))
        self.assertIn("-smp 1", " ".join(counted_runs[0]["line"]))

    def test_same_request_same_module(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        saved = system.BUILD, system.MANIFEST
        self.addCleanup(lambda: setattr(system, "BUILD", saved[0]))
        self.addCleanup(lambda: setattr(system, "MANIFEST", saved[1]))
        system.BUILD = os.path.join(THE_COPY.root, "build")
        system.MANIFEST = os.path.join(THE_COPY.root, "servers/init/init.conf")
        written = []
        for name in ("one", "two"):
            path = os.path.join(folder.name, name)
            linux = packages.linux_tree("x86_64", [])
            system.write_module(path, "x86_64", "debug", linux, b"cwd=/\0", fixed_seed=True)
            with open(path, "rb") as file:
                written.append(file.read())
        self.assertEqual(*written)

    def test_refusals(self):
        THE_COPY.write("folder/file", "")
        folder = os.path.join(THE_COPY.root, "folder")
        for options, words, said in (
                (("--env", "A"), ("x",), "write NAME=VALUE"), ((), (), "no program"),
                (("--file", "/no/such"), ("x",), "No such file"),
                (("--file", folder), ("x",), "is no file"),
                (("--file", folder + "/file:etc/passwd/x"), ("x",), "no folder"),
                (("--root", "/no/such"), ("x",), "No such file"),
                (("--package", "No Package"), ("x",), "no name of a Debian package"),
                (("--timeout", "0"), ("x",), "seconds"), (("--smp", "0"), ("x",), "one CPU"),
                (("--build", "release"), ("x",), "make ARCH=x86_64 BUILD=release")):
            with self.subTest(options):
                done = play(*words, options=options)
                self.assertEqual((done.returncode, done.stdout), (125, b""))
                self.assertIn(said, done.stderr.decode())

    def test_shell_takes_no_program(self):
        done = subprocess.run(THE_COPY.line("shell", "--", "ls"), env=THE_COPY.environment,
                              capture_output=True, check=False, timeout=SECONDS)
        self.assertEqual(done.returncode, 125)

    def test_manifest(self):
        text = ("# program no\nprogram b # yes\n  program c\n\nprogram a2\n  file tern/bin/a\n"
                "\targ program x\nprogram b2\n  file  tern/bin/b\nprograms d\n")
        self.assertEqual(system.program_names(text), ["a", "b", "c"])
        for wrong in ("program x\n file root/bin/x\n", "program ../x\n", "program\n"):
            with self.assertRaisesRegex(TernError, "which no build makes"):
                system.program_names(wrong)
        with self.assertRaisesRegex(TernError, "no-such.elf: build it with `make"):
            system.program_file("x86_64", "debug", "no-such")

    def test_file_below_a_file(self):
        with self.assertRaisesRegex(TernError, "is no folder"):
            linux = Tree()
            program.put_file(linux, __file__ + ":/a")
            program.put_file(linux, __file__ + ":/a/b")


class Carrying(unittest.TestCase):
    def test_numbers(self):
        self.assertEqual([session.number_of(text) for text in ("7", "", "-7", "7 ", "\u0667")],
                         [7, None, None, None, None])

    def test_write_all_in_pieces(self):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        child = os.fork()
        if child == 0:
            ports.write_all(writer, b"x" * (1 << 20))
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as stream:
            self.assertEqual(len(stream.read()), 1 << 20)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


if __name__ == "__main__":
    sys.exit(counted.main())
