"""What the benchmarks share: boots, plugins, the kernel's symbols, and lines of figures."""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# CPU: its tern options, instructions per count, Linux's instructions to init by the same way in.
CPUS = {
    "x86_64": (["--cpu", "max,-erms,-fsrm"], 1, 1355000000),
    "aarch64": (["--cpu", "cortex-a57"], 16, 869000000),
}
LIMITS = {"boot.prompt": 20000000, "boot.poweroff.plugin": 20000000, "boot.waited": 2}


def release(arch, *parts):
    return os.path.join(ROOT, "build", arch, "release", *parts)


def boot(arch, words, more=(), cpus=1, qemu=()):
    """What a release boot prints with these words on its command line; `qemu`: its own options."""
    command = [os.path.join(ROOT, "tern"), "boot", "--arch", arch, "--build", "release", "--test",
               "--smp", str(cpus), "--memory", "512M", "--timeout", "600", "--append", words,
               *CPUS[arch][0], *more, *(["--", *qemu] if qemu else [])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {done.returncode}\n{done.stdout}"
                 f"{done.stderr}")
    return done.stdout, done.stderr


def plugin(name):
    """Builds the QEMU plugin of tests/bench/NAME.c; its path."""
    path = os.path.join(ROOT, "build", name + ".so")
    subprocess.run(["clang-19", "-O2", "-shared", "-fPIC", "-o", path,
                    os.path.join(ROOT, "tests", "bench", name + ".c")], check=True)
    return path


def symbols(path, kinds="tTwW"):
    """[(address, name)] of functions, in order; or of other kinds of nm."""
    out = subprocess.run(["llvm-nm-19", "--defined-only", "--numeric-sort", path], check=True,
                         text=True, stdout=subprocess.PIPE).stdout
    return [(int(a, 16), n) for a, t, n in (line.split(" ", 2) for line in out.splitlines())
            if t in kinds and not n.startswith("$")]


def name_of(table, address):
    low, high = 0, len(table)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if table[middle][0] <= address else (low, middle)
    return table[low - 1][1] if low else "?"


def say(name, arch, value, unit, anchor, anchor_value, limit=None, **more):
    """Prints a figure; True if it is within its limit."""
    print(json.dumps({"bench": name, "arch": arch, "value": value, "unit": unit, "anchor": anchor,
                      "anchor_value": anchor_value, **more}), flush=True)
    limit = LIMITS.get(name, limit)
    return limit is None or value <= limit
