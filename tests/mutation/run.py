#!/usr/bin/env python3
"""Shows that the tests notice mistakes: makes small ones in a copy, and expects failures.

    run.py [FILTER...]

The copy is build/mutation/tree, and is built once as it is; then each mutation of mutations.py is
made, built incrementally, tested and taken back. A mutation that no longer applies, does not
build, or that no test notices is a failure. Ends with `N passed, N failed`.
"""
import os
import re
import shutil
import subprocess
import sys

from mutations import MUTATIONS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TREE = os.path.join(ROOT, "build", "mutation", "tree")
TEST_SECONDS = 120


def run(command, timeout=600):
    """(exit status, output); status -1 when the time was up."""
    try:
        done = subprocess.run(command, cwd=TREE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, timeout=timeout)
    except subprocess.TimeoutExpired as late:
        return -1, (late.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


def copy_tree():
    """The working tree's tracked files, with what the host has already fetched."""
    shutil.rmtree(TREE, ignore_errors=True)
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    for name in names:
        target = os.path.join(TREE, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, name), target)


def build(how):
    target = "build/host/unit" if how == "unit" else "kernel"
    return run(["make", "-j2", target])


def notice(how):
    """True if the tests fail, as they should; and what was printed."""
    if how == "unit":
        status, output = run(["build/host/unit"], TEST_SECONDS)
        return status != 0, output
    kind, words = how.split(" ", 1)
    status, output = run(["./tern", "boot", "--test", "--smp", "4", "--timeout", "60", "--append",
                          words], TEST_SECONDS)
    if kind == "panic":
        return status != 2 or "divide error" not in output, output
    return status != 0, output


def mutate(path, old, new):
    """Makes the change; returns the text before it, or None if it does not apply exactly once."""
    with open(path, encoding="utf-8") as file:
        before = file.read()
    if before.count(old) != 1:
        return None
    with open(path, "w", encoding="utf-8") as file:
        file.write(before.replace(old, new))
    return before


def try_mutation(name, old, new, how):
    """A sentence on what is wrong, or None."""
    path = os.path.join(TREE, name)
    before = mutate(path, old, new)
    if before is None:
        return "does not apply: its text must stand there exactly once"
    try:
        status, output = build(how)
        if status != 0:
            return "does not build:\n" + output[-2000:]
        noticed, output = notice(how)
        return None if noticed else "no test notices it:\n" + output[-1000:]
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(before)


def main(filters):
    chosen = [m for m in MUTATIONS if not filters or any(f in m[0] or f in m[1] for f in filters)]
    copy_tree()
    for how in sorted({m[3] for m in chosen}):
        status, output = build(how)
        broken, told = notice(how) if status == 0 else (True, output)
        if broken:
            print(f"FAIL the copy itself does not pass `{how}`:\n{told[-3000:]}\n0 passed, 1 failed")
            return 1
    passed = failed = 0
    for name, old, new, how in chosen:
        wrong = try_mutation(name, old, new, how)
        change = re.sub(r"\s+", " ", old.strip())
        print(f"{'FAIL' if wrong else 'ok':4} mutation {name}: {change[:70]}", flush=True)
        if wrong:
            print("     " + wrong.replace("\n", "\n     "))
        passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
