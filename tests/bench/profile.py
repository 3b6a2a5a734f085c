#!/usr/bin/env python3
"""Where the instructions of a boot go: `profile.py --arch A --root ELF [--lines] [--per N]`.

Boots the release kernel with the counting plugin (pcs.c) and prints instructions per function of
kernel and root program, divided by N (the turns of a benchmark's loop) and cut to what was executed
at least N times; --lines prints every instruction instead.
"""
import argparse
import os
import re
import subprocess
import sys
from collections import Counter

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CPUS = {"x86_64": "max,-erms,-fsrm", "aarch64": "cortex-a57"}


def symbols(path):
    """[(address, name)] of functions, in order."""
    out = subprocess.run(["llvm-nm-19", "--defined-only", "--numeric-sort", path], check=True,
                         text=True, stdout=subprocess.PIPE).stdout
    return [(int(a, 16), n) for a, t, n in (line.split(" ", 2) for line in out.splitlines())
            if t in "tTwW" and not n.startswith("$")]


def name_of(table, address):
    low, high = 0, len(table)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if table[middle][0] <= address else (low, middle)
    return table[low - 1][1] if low else "?"


def counts(args, kernel):
    plugin = os.path.join(ROOT, "build", "pcs.so")
    subprocess.run(["clang-19", "-O2", "-shared", "-fPIC", "-o", plugin,
                    os.path.join(ROOT, "tests", "bench", "pcs.c")], check=True)
    done = subprocess.run([os.path.join(ROOT, "tern"), "boot", "--arch", args.arch, "--build",
                           "release", "--kernel", kernel, "--test", "--smp", "1", "--memory",
                           "512M", "--cpu", CPUS[args.arch], "--icount", "--plugin", plugin,
                           "--timeout", "300", "--root", args.root], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True,
                          errors="replace")
    if done.returncode != 0:
        sys.exit(f"profile: ended with {done.returncode}\n{done.stdout}")
    return {int(a, 16): int(n) for a, n in re.findall(r"PC ([0-9a-f]+) (\d+)",
                                                      done.stdout + done.stderr)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--arch", default="x86_64", choices=CPUS)
    parser.add_argument("--root", required=True)
    parser.add_argument("--per", type=int, default=1000)
    parser.add_argument("--lines", action="store_true")
    args = parser.parse_args()
    out = os.path.join(ROOT, "build", args.arch, "release")
    kernel = os.path.join(out, "tern.elf" if args.arch == "x86_64" else "Image")
    tables = symbols(os.path.join(out, "tern.elf")), symbols(args.root)
    sums = Counter()
    for address, count in sorted(counts(args, kernel).items()):
        name = name_of(tables[0] if address >> 63 else tables[1], address)
        if count >= args.per:
            sums[name] += count
            if args.lines:
                print(f"{address:016x} {count / args.per:8.2f} {name}")
    for name, count in sums.most_common(60):
        print(f"{count / args.per:9.2f} {name}")


if __name__ == "__main__":
    main()
