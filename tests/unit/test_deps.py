#!/usr/bin/env python3
"""Tests `tools/deps` for real: packages of the other CPU and source packages, fetched by name.

Needs the package registries, as `make test` itself does on a fresh machine. What is fetched stays
under build/ and is taken from there the next time. Ends with `N passed, N failed`.
"""
import os
import struct
import subprocess
import sys
import unittest

import counted

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
EM_AARCH64 = 183


def deps(*words):
    return subprocess.run([os.path.join(ROOT, "tools", "deps"), *words], cwd=ROOT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, text=True)


class Deps(unittest.TestCase):
    def test_nothing_is_missing(self):
        done = deps("check", "build", "run", "test")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_package_of_the_other_cpu(self):
        done = deps("fetch", "--arch", "arm64", "busybox-static")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(ROOT, done.stdout.strip(), "bin", "busybox"), "rb") as file:
            header = file.read(20)
        self.assertEqual(header[:4], b"\x7fELF")
        self.assertEqual(struct.unpack_from("<H", header, 18)[0], EM_AARCH64)

    def test_source_package(self):
        done = deps("source", "lz4")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(os.path.exists(os.path.join(ROOT, done.stdout.strip(), "lib", "lz4.c")))

    def test_system_is_left_alone(self):
        """The other CPU's packages are known to the private configuration only."""
        known = subprocess.run(["dpkg", "--print-foreign-architectures"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.split()
        self.assertNotIn("arm64", known)

    def test_unknown_package(self):
        done = deps("fetch", "--arch", "arm64", "no-such-package-of-tern")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no-such-package-of-tern", done.stderr)

    def test_unknown_group(self):
        done = deps("no-such-group")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no-such-group", done.stderr)


if __name__ == "__main__":
    sys.exit(counted.main())
