#!/usr/bin/env python3
"""Runs the fuzz targets of tests/fuzz for a time each, two at once.

    run.py [--seconds N] NAME...

Each target keeps its corpus in build/fuzz/NAME, so that runs go on where the last one ended; it
begins with the seeds that tests/fuzz/seeds.c writes there; NAME.dict has words to try. A crash leaves its input in
build/fuzz/crash-NAME-*, and running build/host/fuzz-NAME on that file shows it again. Prints a
line per target and ends with `N passed, N failed`.
"""
import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.path.join(ROOT, "build")


def fuzz(name, seconds):
    """(name, whether it ran clean, the tail of its output)"""
    corpus = os.path.join(BUILD, "fuzz", name)
    os.makedirs(corpus, exist_ok=True)
    words = os.path.join(ROOT, "tests", "fuzz", f"{name}.dict")
    command = [os.path.join(BUILD, "host", f"fuzz-{name}"), f"-max_total_time={seconds}",
               "-timeout=10", "-rss_limit_mb=2048", "-max_len=65536", "-print_final_stats=1",
               f"-artifact_prefix={BUILD}/fuzz/crash-{name}-", corpus]
    if os.path.exists(words):
        command.insert(1, f"-dict={words}")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          text=True, errors="replace")
    return name, done.returncode == 0, done.stdout.splitlines()


def executed(lines):
    """How many inputs libFuzzer says that it ran."""
    for line in lines:
        if line.startswith("stat::number_of_executed_units:"):
            return int(line.split()[-1])
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("names", nargs="+")
    args = parser.parse_args()
    passed = failed = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, clean, lines in pool.map(lambda n: fuzz(n, args.seconds), args.names):
            runs = executed(lines)
            if clean and runs > 0:
                passed += 1
                print(f"ok fuzz {name} ({runs} inputs)", flush=True)
            else:
                failed += 1
                print(f"FAIL fuzz {name}\n  " + "\n  ".join(lines[-40:]), flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
