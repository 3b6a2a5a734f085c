#!/usr/bin/env python3
"""Checks the sizes that keep the code readable: functions, files, density of assertions.

Half of all functions within 13 lines, 95 % within 60, no file above 500 lines, 15 to 40
assertions per 1000 lines of kernel code. Prints the figures either way.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
ASSERT = re.compile(r"\b(assert|debug_assert|_Static_assert)\s*\(")


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return out.split()


def function_lengths(files):
    """[(lines, "file:line name")] of all C functions, by universal-ctags."""
    out = subprocess.run(["ctags", "--fields=+ne", "-o", "-", "--kinds-C=f", *files], cwd=ROOT,
                         check=True, text=True, stdout=subprocess.PIPE).stdout
    found = []
    for line in out.splitlines():
        fields = line.split("\t")
        numbers = dict(f.split(":", 1) for f in fields[3:] if ":" in f)
        if "line" in numbers and "end" in numbers:
            lines = int(numbers["end"]) - int(numbers["line"]) + 1
            found.append((lines, f"{fields[1]}:{numbers['line']} {fields[0]}"))
    return sorted(found)


def code_lines(text):
    """Lines that are neither blank nor comment."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return [line for line in text.splitlines() if line.strip()]


def split_asserts(code):
    """(how many lines are no part of an assertion, how many assertions there are)"""
    lines = asserts = depth = 0
    for line in code:
        plain = re.sub(r'"(\\.|[^"\\])*"', "", line)
        begun = ASSERT.search(plain)
        if depth == 0 and not begun:
            lines += 1
            continue
        asserts += begun is not None
        held = plain[begun.start():] if depth == 0 else plain
        depth += held.count("(") - held.count(")")
    return lines, asserts


def kernel_density():
    """(code lines of the kernel without arch/host, tests and assertions; assertions)"""
    lines = asserts = 0
    for name in tracked("kernel/*.c", "kernel/*.h", "kernel/*.S", "kernel/*.def", "abi/*.def"):
        if name.startswith(("kernel/arch/host", "kernel/selftest")):
            continue
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            code = code_lines(file.read())
        more_lines, more_asserts = split_asserts(code)
        lines += more_lines
        asserts += more_asserts
    return lines, asserts


def main():
    wrong = []
    lengths = function_lengths(tracked("kernel/*.c", "lib/*.c", "apps/*.c", "tests/*.c",
                                       "tools/*.c"))
    median, p95 = lengths[len(lengths) // 2][0], lengths[len(lengths) * 95 // 100][0]
    if median > 13:
        wrong.append(f"the median function has {median} lines, not at most 13")
    if p95 > 60:
        wrong.append(f"95 % of the functions have up to {p95} lines, not 60")
    for name in tracked("*.c", "*.h", "*.S", "*.py", "tern"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            count = sum(1 for _ in file)
        if count > 500:
            wrong.append(f"{name} has {count} lines, more than 500")
    lines, asserts = kernel_density()
    density = 1000 * asserts / lines
    if not 15 <= density <= 40:
        wrong.append(f"{density:.1f} assertions per 1000 lines of kernel code, not 15 to 40")
    print(f"sizes: {len(lengths)} functions, median {median}, 95 % within {p95}, longest "
          f"{lengths[-1][0]} ({lengths[-1][1]}); kernel {lines} lines, {density:.1f} assertions "
          "per 1000")
    print("\n".join(wrong), end="\n" if wrong else "")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
