#!/usr/bin/env python3
"""Where the instructions of a boot go: `profile.py --arch A --root ELF [--lines] [--per N]`.

Boots the release kernel with the counting plugin (pcs.c) and prints instructions per function of
kernel and root program, divided by N (the turns of a benchmark's loop) and cut to what was executed
at least N times; --lines prints every instruction instead.
"""
import argparse
import re
from collections import Counter

from common import CPUS, boot, name_of, plugin, release, symbols


def counts(args):
    output = boot(args.arch, "", ["--icount", "--plugin", plugin("pcs"), "--root", args.root])
    return {int(a, 16): int(n) for a, n in re.findall(r"PC ([0-9a-f]+) (\d+)", "".join(output))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--arch", default="x86_64", choices=CPUS)
    parser.add_argument("--root", required=True)
    parser.add_argument("--per", type=int, default=1000)
    parser.add_argument("--lines", action="store_true")
    args = parser.parse_args()
    tables = symbols(release(args.arch, "tern.elf")), symbols(args.root)
    sums = Counter()
    for address, count in sorted(counts(args).items()):
        name = name_of(tables[0] if address >> 63 else tables[1], address)
        if count >= args.per:
            sums[name] += count
            if args.lines:
                print(f"{address:016x} {count / args.per:8.2f} {name}")
    for name, count in sums.most_common(60):
        print(f"{count / args.per:9.2f} {name}")


if __name__ == "__main__":
    main()
