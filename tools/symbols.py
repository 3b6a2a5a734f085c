#!/usr/bin/env python3
"""Makes the kernel's symbol table: reads `nm --numeric-sort` lines, prints assembler.

Layout (read by kernel/trace/symbol.c): a count, then that many pairs of 32-bit numbers (offset of
the function from __text_start, offset of its name), then the names, each ended by 0.
"""
import sys


def functions(lines):
    """The functions of the text section, sorted, one per address."""
    start, end, found = None, None, {}
    for line in lines:
        address, kind, name = line.split()[:3]
        value = int(address, 16)
        if name == "__text_start":
            start = value
        elif name == "__text_end":
            end = value
        elif kind in "tT" and not name.startswith((".", "$")):
            found.setdefault(value, name)
    if start is None or end is None:
        sys.exit("symbols.py: no __text_start or __text_end")
    return [(a - start, n) for a, n in sorted(found.items()) if start <= a < end]


def main():
    table = functions(sys.stdin)
    print('.section .symbols, "a"\n.balign 8')
    print(f".4byte {len(table)}")
    name_offset = 0
    for offset, name in table:
        print(f".4byte {offset}, {name_offset}")
        name_offset += len(name) + 1
    for _, name in table:
        print(f'.asciz "{name}"')


if __name__ == "__main__":
    main()
