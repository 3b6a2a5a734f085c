#!/usr/bin/env python3
"""Checks docs/claims.md: every test that it names exists, and every mark in README has a row.

A mark is a row's name in brackets, such as (B3) or (B7, C1). Each bullet of README's "What stands"
carries at least one.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.+?) \|$")
KINDS = "boot|bochs|terminal|self|unit|fuzz|bench|guest|linux|host"
TEST = re.compile(rf"\b({KINDS}):(.+?)(?= (?:{KINDS}):|$)")
MARK = re.compile(r"\(((?:[A-Z]\d+)(?:, [A-Z]\d+)*)\)")


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def grep(pattern, folder, ending):
    """All matches of the pattern in the files of a folder."""
    found = []
    for name in sorted(os.listdir(os.path.join(ROOT, folder))):
        if name.endswith(ending):
            found += re.findall(pattern, read(folder, name), re.M)
    return found


def boot_cases(arch):
    out = subprocess.run([sys.executable, "tests/boot/run.py", "--arch", arch, "--list"], cwd=ROOT,
                         check=True, text=True, stdout=subprocess.PIPE).stdout
    return out.splitlines()


def known():
    """{kind: names of all tests}; boot cases by CPU."""
    bochs = re.findall(r'^    \("([^"]+)", "\w+", \d', read("tests", "boot", "bochs.py"), re.M)
    return {
        "boot/x86_64": boot_cases("x86_64"), "boot/aarch64": boot_cases("aarch64"),
        "bochs": bochs,
        "terminal": re.findall(r'"terminal (\w+)":', read("tests", "boot", "terminal.py")),
        "self": grep(r"^SELF_TEST\((\w+),", "kernel/selftest", ".c"),
        "unit": grep(r"^TEST\((\w+)\)", "tests/unit", "_test.c")
                + grep(r"^TEST\((\w+)\)", "tests/unit/alone", "_test.c")
                + grep(r"^TEST\((\w+)\)", "tests/unit/linux", "_test.c"),
        "guest": grep(r"^(?:VIRTIO_)?TEST\((\w+)[,)]", "tests/guest", ".c"),
        "linux": grep(r"^(?:want='[^']*' )?(?:is|fails) ([\w.]+) ", "tests/linux", ".sh")
                 + ["shell." + n for n in grep(r"^def test_(\w+)\(shell", "tests/linux", ".py")],
        "host": grep(r"^    def test_(\w+)\(self", "tests/unit", ".py"),
        "fuzz": [n[5:-2] for n in os.listdir(os.path.join(ROOT, "tests", "fuzz"))
                 if n.startswith("fuzz_") and n.endswith(".c")],
        "bench": re.findall(r'\bsay\("([\w.]+)"', read("tests", "bench", "run.py"))
                 + ["mem." + n for n in re.findall(r'^    \{"(\w+)", bench_',
                                                   read("kernel", "selftest", "memory_bench.c"),
                                                   re.M)]
                 + grep(r'BENCH\("([\w.]+)"', "tests/guest", ".c"),
    }


def missing(kind, name, tests):
    """The CPUs (or the kind) for which no test has `name` in its own name."""
    if kind != "boot":
        return [] if any(name in test for test in tests[kind]) else [kind]
    name, _, arch = name.partition("/")
    kinds = [f"boot/{arch}"] if arch else ["boot/x86_64", "boot/aarch64"]
    return [k for k in kinds if not any(name in test for test in tests[k])]


def check_rows(tests):
    wrong, rows = [], set()
    for line in read("docs", "claims.md").splitlines():
        match = ROW.match(line)
        if not match:
            continue
        rows.add(match.group(1))
        named = TEST.findall(match.group(3))
        if not named:
            wrong.append(f"{match.group(1)} names no test")
        for kind, name in named:
            wrong += [f"{match.group(1)}: there is no test {kind}:{name} ({where})"
                      for where in missing(kind, name.strip(), tests)]
    return wrong, rows


def check_readme(rows):
    part = read("README.md").split("## What stands")[1].split("\n## ")[0]
    wrong = []
    for bullet in re.split(r"\n(?=- )", part)[1:]:
        marks = [m for group in MARK.findall(bullet) for m in group.split(", ")]
        if not marks:
            wrong.append(f"README claims without a mark: {bullet.splitlines()[0]}")
        wrong += [f"README marks {m}, which is no row of docs/claims.md" for m in marks
                  if m not in rows]
    return wrong


def main():
    wrong, rows = check_rows(known())
    wrong += check_readme(rows)
    print("\n".join(wrong + [f"claims: {len(rows)} rows, {len(wrong)} wrong"]))
    sys.exit(1 if wrong or not rows else 0)


if __name__ == "__main__":
    main()
