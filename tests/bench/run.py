#!/usr/bin/env python3
"""Prints the figures, one JSON object per line: `run.py [--arch A] [--check] [PATTERN]`.

    {"bench": NAME, "arch": CPU, "value": N, "unit": UNIT, "anchor": WHO, "anchor_value": N}
    {"bench": "binary.sha256", "arch": CPU, ...}     what the figures were measured on

PATTERN is a regular expression that the names are searched for. --check ends with a line `N passed,
N failed` for the figures that have a limit (LIMITS, anchors.py, plain C for the memory routines).
Figures are counts of guest instructions (-icount: the x86-64 counter advances one per instruction,
the AArch64 one one per 16), so they repeat exactly, but for some of grow.py; docs/performance.md
says what they mean. The anchors are Debian's Linux 6.1 cloud kernel and xv6 booted the same way on
the same QEMU, and for system calls and IPC seL4 16 by the same count (anchors.py).
"""
import argparse
import hashlib
import json
import os
import re
import sys

import anchors
import grow
from common import CPUS, ROOT, boot, plugin, release, say

sys.path.insert(0, os.path.join(ROOT, "tools", "check"))
import sizes  # pylint: disable=wrong-import-position


def line_of(output, key):
    match = re.search(rf"^  {key} +(.*?)\r?$", output, re.M)
    if not match:
        sys.exit(f"bench: no line `{key}` in\n{output}")
    return match.group(1)


def boot_counter(arch):
    """Power-on to the prompt, by the guest's own counter, and the busy waiting in it."""
    output, _ = boot(arch, "run=poweroff", ["--icount"])
    count = int(line_of(output, "counter").split()[0]) * CPUS[arch][1]
    quick = say("boot.prompt", arch, count, "insn", "linux", CPUS[arch][2])
    waited = re.search(r"([\d.]+) ms waited", line_of(output, "boot"))
    patient = say("boot.waited", arch, float(waited.group(1)), "ms", "limit", 2)
    return [quick, patient]


def boot_plugin(arch):
    """The same by a QEMU plugin, which counts what is executed, to the power-off."""
    _, errors = boot(arch, "run=poweroff", ["--plugin", plugin("icnt")])
    count = int(re.search(r"PLUGIN-INSNS (\d+)", errors).group(1))
    return [say("boot.poweroff.plugin", arch, count, "insn", "linux", CPUS[arch][2])]


def memory(arch):
    """The optimised memory routines beside plain C loops: the kernel prints the lines."""
    output, _ = boot(arch, "test=memory_bench", ["--icount"])
    within = []
    for text in re.findall(r"^\{.*\}", output, re.M):
        line = json.loads(text)
        per_call = CPUS[arch][1] / line["calls"]
        value, plain = (round(line[key] * per_call) for key in ("value", "plain"))
        within.append(say(line["bench"], arch, value, "insn", "plain C loop", plain, plain))
    return within


def guest_lines(arch, program, words):
    """(name, instructions per call) of each figure that a program tests/guest/bench_*.c prints."""
    output, _ = boot(arch, words, ["--icount", "--root", release(arch, "user", program)])
    for text in re.findall(r"^(?:tern> )?(\{.*\})", output, re.M):
        line = json.loads(text)
        yield line["bench"], round(line["value"] * CPUS[arch][1] / line["calls"])


def mitigated(arch, pattern):
    """The same with all mitigations of CPU vulnerabilities, beside the figures without."""
    plain = dict(guest_lines(arch, "bench_ipc.elf", ""))
    return [say(f"{name}.mitigated", arch, value, "insn", "unmitigated", plain[name])
            for name, value in guest_lines(arch, "bench_ipc.elf", "mitigations=on")
            if pattern.search(f"{name}.mitigated")]


def guest(arch, pattern):
    """System calls and IPC, measured from user space by the programs tests/guest/bench_*.c."""
    programs = sorted(name for name in os.listdir(release(arch, "user"))
                      if name.startswith("bench_") and name.endswith(".elf") and
                      name != "bench_grow.elf")
    within = []
    for name in programs:
        for bench, value in guest_lines(arch, name, ""):
            if pattern.search(bench):
                who, anchor = next(((who, table[bench][arch]) for who, table in anchors.BESIDE
                                    if bench in table), ("seL4", None))
                limit = anchors.LIMITS.get(bench, {}).get(arch)
                within.append(say(bench, arch, value, "insn", who, anchor, limit))
    return within


def binary(arch):
    """What the figures were measured on, and how much code that is, for both CPUs together."""
    with open(release(arch, "tern.elf"), "rb") as file:
        say("binary.sha256", arch, hashlib.sha256(file.read()).hexdigest(), "hash", None, None)
    say("kernel.lines", arch, sizes.kernel_density()[0], "lines", "limit", 20000)


def main():
    parser = argparse.ArgumentParser(description="Prints figures as JSON lines.")
    parser.add_argument("--arch", choices=CPUS)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("pattern", nargs="?", default="")
    args = parser.parse_args()
    pattern, within = re.compile(args.pattern), []
    for arch in [args.arch] if args.arch else CPUS:
        if pattern.search("boot.prompt") or pattern.search("boot.waited"):
            within += boot_counter(arch)
        if pattern.search("boot.poweroff.plugin"):
            within += boot_plugin(arch)
        if pattern.search("mem.memcpy mem.memmove mem.memset mem.fnv1a"):
            within += memory(arch)
        if pattern.search(" ".join(anchors.LIMITS)):
            within += guest(arch, pattern)
        if pattern.search(" ".join(f"{name}.mitigated" for name in anchors.ANCHORS)):
            within += mitigated(arch, pattern)
        within += grow.figures(arch, pattern)
        binary(arch)
    if args.check:
        print(f"{sum(within)} passed, {len(within) - sum(within)} failed")
    sys.exit(0 if within and all(within) else 1)


if __name__ == "__main__":
    main()
