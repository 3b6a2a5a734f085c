#!/usr/bin/env python3
"""Prints the figures, one JSON object per line: `run.py [PATTERN]`.

    {"bench": NAME, "arch": CPU, "value": N, "unit": UNIT, "anchor": WHO, "anchor_value": N}

PATTERN is a regular expression that the names are searched for. All figures are counts of guest
instructions (-icount: the x86-64 counter advances one per instruction, the AArch64 one one per
16), so they repeat exactly; docs/performance.md says what they mean. The anchors are Debian's
Linux 6.1 cloud kernel and xv6 booted the same way on the same QEMU.
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
PLUGIN = os.path.join(ROOT, "build", "icnt.so")
# CPU: its tern options, instructions per count, Linux's instructions to init by the same way in.
CPUS = {
    "x86_64": (["--cpu", "max,-erms,-fsrm"], 1, 1355000000),
    "aarch64": (["--cpu", "cortex-a57"], 16, 869000000),
}
BOOT_LIMIT = 20000000


def boot(arch, words, more=()):
    """What a release boot prints with these words on its command line."""
    command = [os.path.join(ROOT, "tern"), "boot", "--arch", arch, "--build", "release", "--test",
               "--smp", "1", "--memory", "512M", "--timeout", "300", "--append", words,
               *CPUS[arch][0], *more]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}\n{done.stdout}"
                 f"{done.stderr}")
    return done.stdout, done.stderr


def line_of(output, key):
    match = re.search(rf"^  {key} +(.*?)\r?$", output, re.M)
    if not match:
        sys.exit(f"bench: no line `{key}` in\n{output}")
    return match.group(1)


def say(name, arch, value, unit, anchor=None, anchor_value=None):
    line = {"bench": name, "arch": arch, "value": value, "unit": unit}
    if anchor:
        line.update(anchor=anchor, anchor_value=anchor_value)
    print(json.dumps(line), flush=True)


def boot_counter(arch):
    """Power-on to the prompt, by the guest's own counter, and the busy waiting in it."""
    output, _ = boot(arch, "run=poweroff", ["--icount"])
    count = int(line_of(output, "counter").split()[0]) * CPUS[arch][1]
    say("boot.prompt", arch, count, "insn", "linux", CPUS[arch][2])
    waited = re.search(r"([\d.]+) ms waited", line_of(output, "boot"))
    say("boot.waited", arch, float(waited.group(1)), "ms", "limit", 2)
    return count


def boot_plugin(arch):
    """The same by a QEMU plugin, which counts what is executed, to the power-off."""
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", PLUGIN,
                    os.path.join(ROOT, "tests", "bench", "icnt.c")], check=True)
    _, errors = boot(arch, "run=poweroff", ["--plugin", PLUGIN])
    count = int(re.search(r"PLUGIN-INSNS (\d+)", errors).group(1))
    say("boot.poweroff.plugin", arch, count, "insn", "linux", CPUS[arch][2])
    return count


def memory(arch):
    """The optimised memory routines beside plain C loops: the kernel prints the lines."""
    output, _ = boot(arch, "test=memory_bench", ["--icount"])
    for text in re.findall(r"^\{.*\}", output, re.M):
        line = json.loads(text)
        per_call = CPUS[arch][1] / line["calls"]
        say(line["bench"], arch, round(line["value"] * per_call), "insn", "plain C loop",
            round(line["plain"] * per_call))


def main():
    pattern = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    worst = 0
    for arch in CPUS:
        if pattern.search("boot.prompt") or pattern.search("boot.waited"):
            worst = max(worst, boot_counter(arch))
        if pattern.search("boot.poweroff.plugin"):
            worst = max(worst, boot_plugin(arch))
        if pattern.search("mem.memcpy mem.memmove mem.memset mem.fnv1a"):
            memory(arch)
    if worst > BOOT_LIMIT:
        sys.exit(f"bench: a boot takes {worst} instructions, more than {BOOT_LIMIT}")


if __name__ == "__main__":
    main()
