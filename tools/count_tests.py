#!/usr/bin/env python3
"""Adds up the lines `N passed, N failed[, N skipped]` of test output.

    count_tests.py [--failed N] FILE...

Prints one such line for all files. --failed adds failures that no line counts, such as a make
that broke off. Exit status 0 only if something passed and nothing failed.
"""
import argparse
import re
import sys

COUNT = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


def add_up(lines):
    """(passed, failed, skipped) of all count lines; a line with other words on it is none."""
    total = [0, 0, 0]
    for line in lines:
        match = COUNT.match(line.rstrip())
        if match:
            total = [old + int(new or 0) for old, new in zip(total, match.groups())]
    return tuple(total)


def total_line(passed, failed, skipped):
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def main(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--failed", type=int, default=0, metavar="N")
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args(words)
    lines = []
    for path in options.files:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines += file.readlines()
    passed, failed, skipped = add_up(lines)
    failed += options.failed
    print(total_line(passed, failed, skipped))
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
