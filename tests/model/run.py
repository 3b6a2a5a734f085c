#!/usr/bin/env python3
"""Checks the SPIN models of tests/model, each as it is and with each of its seeded bugs.

    run.py [NAME...]

A model says in its opening comment, in lines `BUG n  what`, which bugs can be put into it by
-DBUG=n. As it is, it must hold in every state that can be reached; with a bug, an error must be
found: a model that finds nothing shows nothing. Searches are exhaustive: one that ended for lack of
memory, depth or time counts as failed. Prints a line per model and ends with `N passed, N failed`.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.realpath(__file__))
COMPILER = "clang-19"
MEMORY = 900      # MiB per search, two at once
DEPTH = 100000    # steps
SECONDS = 400     # per search, on a busy machine; the longest takes some 20 s
STATES = re.compile(r"^\s*(\S+) states, stored", re.MULTILINE)
ERRORS = re.compile(r"errors: (\d+)$", re.MULTILINE)
CUT_SHORT = ("max search depth too small", "out of memory", "pan: reached", "interrupted")


def bugs_of(path):
    """The numbers and descriptions of a model's seeded bugs."""
    with open(path, encoding="utf-8") as file:
        return {int(n): text for n, text in re.findall(r"^ \* BUG (\d+)  (.*)$", file.read(), re.M)}


def call(command, folder):
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True, timeout=SECONDS)
    return done.returncode, done.stdout


def search(path, bug):
    """(states stored, whether an error was found, output); raises RuntimeError if it was none."""
    with tempfile.TemporaryDirectory(prefix="tern-model-") as folder:
        preprocess = f"-P{COMPILER} -std=gnu99 -E -x c"
        status, text = call(["spin", preprocess, f"-DBUG={bug}", "-a", path], folder)
        if status != 0 or "Error" in text or not os.path.exists(os.path.join(folder, "pan.c")):
            raise RuntimeError("spin: " + text)
        # With a bug most searches end soon, and compiling would take the time.
        level = "-O0" if bug else "-O2"
        status, text = call([COMPILER, "-w", level, "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY}",
                             "-o", "pan", "pan.c"], folder)
        if status != 0:
            raise RuntimeError("compiler: " + text)
        _, text = call(["./pan", f"-m{DEPTH}", "-n"], folder)
        states, errors = STATES.search(text), ERRORS.search(text)
        if states is None or errors is None or any(words in text for words in CUT_SHORT):
            raise RuntimeError("search: " + text)
        return int(float(states.group(1))), errors.group(1) != "0", text


def check(path, bug):
    """(bug, states, what is wrong or None)"""
    try:
        states, found, text = search(path, bug)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return bug, 0, str(error)
    if bug == 0 and found:
        return bug, states, text
    if bug != 0 and not found:
        return bug, states, "the bug was not found"
    return bug, states, None


def report(name, bugs, results):
    """Prints a model's line; true if all of it was as it should be."""
    wrong = [(bug, what) for bug, _, what in results if what is not None]
    if not bugs:
        wrong.append((0, "no bug is seeded"))
    states = sum(states for bug, states, _ in results if bug == 0)
    print(f"FAIL model {name}" if wrong else
          f"ok model {name} ({states} states, {len(bugs)} seeded bugs found)", flush=True)
    for bug, what in wrong:
        told = f"BUG {bug} ({bugs[bug]})" if bug in bugs else "as it is"
        print(f"  {told}: " + "\n  ".join(what.splitlines()[-30:]), flush=True)
    return not wrong


def main(names):
    paths = sorted(glob.glob(os.path.join(HERE, "*.pml")))
    paths = [path for path in paths if not names or os.path.basename(path)[:-4] in names]
    passed = failed = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        started = []
        for path in paths:
            bugs = bugs_of(path)
            runs = [pool.submit(check, path, bug) for bug in [0, *sorted(bugs)]]
            started.append((os.path.basename(path)[:-4], bugs, runs))
        for name, bugs, runs in started:
            if report(name, bugs, [run.result() for run in runs]):
                passed += 1
            else:
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
