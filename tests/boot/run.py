#!/usr/bin/env python3
"""Boots Tern in many ways and holds what it says against what it was given.

    python3 tests/boot/run.py [--arch A] [--build B] [--soak] [--jobs N] [--list] [FILTER...]

A filter chooses the tests whose name contains it. One line per test; the last line counts them.
No test is tried twice. Exit status 0 only if none failed.
"""
import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import matrix  # noqa: F401  (first: it makes tools/tern importable)
import devices
from cases import all_cases
from guest import boot
from screen import plain_text

TAIL_LINES = 25


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--arch", default=os.environ.get("ARCH", "x86_64"),
                        choices=("x86_64", "aarch64"))
    parser.add_argument("--build", default="debug", choices=("debug", "release"))
    parser.add_argument("--soak", action="store_true", help="the whole product, and 100 starts")
    parser.add_argument("--jobs", type=int, default=2, help="boots at a time (default: 2)")
    parser.add_argument("--list", action="store_true", help="names only")
    parser.add_argument("filter", nargs="*", help="parts of names")
    return parser.parse_args(words)


def run_case(case, arch, build):
    """Returns (complaints, result) of one boot, which has a folder for its files."""
    contents = {name: content(arch, build) if callable(content) else content
                for name, content in case.files.items()}
    with devices.folder_with(contents) as folder:
        words = devices.placed(case.arguments(arch, build), folder)
        result = boot(words, case.timeout, case.typed)
        return case.complaints(arch, build, result) + case.compare_files(folder), result


def report(case, complaints, result):
    word = "FAIL" if complaints else "ok"
    print(f"{word:4} {case.name} ({result.seconds:.1f} s)", flush=True)
    for complaint in complaints:
        print(f"     {complaint}")
    if complaints:
        for line in plain_text(result.output).splitlines()[-TAIL_LINES:]:
            print(f"     | {line}")
        sys.stdout.flush()


def run_all(cases, options):
    """Reports in the order of the list, as soon as each is known. Returns the failures."""
    failed = 0
    with ThreadPoolExecutor(options.jobs) as workers:
        jobs = [workers.submit(run_case, case, options.arch, options.build) for case in cases]
        try:
            for case, job in zip(cases, jobs):
                complaints, result = job.result()
                report(case, complaints, result)
                failed += bool(complaints)
        except BaseException:
            for job in jobs:
                job.cancel()
            raise
    return failed


def main(words):
    options = parse(words)
    cases = [case for case in all_cases(options.arch, options.soak)
             if not options.filter or any(part in case.name for part in options.filter)]
    if options.list:
        print("\n".join(case.name for case in cases))
        return 0
    skipped = [] if os.environ.get("LIMINE_DIR") else [c for c in cases if c.needs_limine]
    for case in skipped:
        print(f"skipped: limine {case.name} (LIMINE_DIR is not set)")
    chosen = [case for case in cases if case not in skipped]
    failed = run_all(chosen, options)
    tail = f", {len(skipped)} skipped" if skipped else ""
    print(f"{len(chosen) - failed} passed, {failed} failed{tail}")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
