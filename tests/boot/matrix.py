"""The matrix of boots: the axes, which combinations exist, and what the kernel must find in each.

What exists is decided by `tern` itself (tools/tern/machine.py refuses the rest), so the two cannot
disagree. The rows without Limine cover all pairs among themselves: a machine without LIMINE_DIR
loses the pairs of Limine only.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../tools"))

from tern import machine as tern_machine  # noqa: E402
from tern.paths import TernError  # noqa: E402

from pairs import cover, pairs_of, product  # noqa: E402

LEAST = "least"  # of memory: what the way in needs
COMMON = {"cpus": (1, 2, 4, 8), "memory": (LEAST, "256M", "4G", "16G"), "nodes": (1, 2)}
AXES = {
    "x86_64": {"way": ("kernel", "microvm", "multiboot2", "limine"),
               "firmware": ("none", "bios", "uefi"), **COMMON},
    "aarch64": {"way": ("kernel", "limine"), "firmware": ("none", "uefi"), **COMMON,
                "gic": (2, 3), "el": (1, 2)},
}


def machine_of(arch, row):
    """The Machine of tern for a row, not checked yet."""
    return tern_machine.Machine(
        arch=arch, via="kernel" if row["way"] == "microvm" else row["way"],
        machine="microvm" if row["way"] == "microvm" else None,
        firmware=None if row["firmware"] == "none" else row["firmware"],
        smp=row["cpus"], memory=memory_of(row), numa=row["nodes"],
        gic=row.get("gic"), el=row.get("el"), limine="given")


def memory_of(row):
    """Limine under UEFI finds no room for itself in 64 MiB, on either CPU."""
    if row["memory"] != LEAST:
        return row["memory"]
    return "128M" if (row["way"], row["firmware"]) == ("limine", "uefi") else "64M"


def legal(arch, row):
    """tern would take it, and it says its firmware where there is a choice of it."""
    if (row["way"] in ("kernel", "microvm")) != (row["firmware"] == "none"):
        return False
    try:
        tern_machine.check(machine_of(arch, row))
    except TernError:
        return False
    return True


def rows(arch, whole):
    """The rows to boot: the whole product, or every pair."""
    every = product(AXES[arch], lambda row: legal(arch, row))
    if whole:
        return every
    plain = cover([row for row in every if row["way"] != "limine"])
    seen = set().union(*map(pairs_of, plain))
    return plain + cover(every, seen)


def name_of(row):
    words = [row["way"]] + ([row["firmware"]] if row["firmware"] != "none" else [])
    words += [f"smp{row['cpus']}", memory_of(row), f"numa{row['nodes']}"]
    words += [f"gic{row['gic']}", f"el{row['el']}"] if "gic" in row else []
    return "-".join(words)


def options_of(arch, row):
    """The arguments of `tern boot` for a row; Limine's directory comes by LIMINE_DIR."""
    machine = machine_of(arch, row)
    words = ["--via", machine.via, "--smp", str(machine.smp), "--memory", machine.memory,
             "--numa", str(machine.numa)]
    for name in ("machine", "firmware", "gic", "el"):
        value = getattr(machine, name)
        words += [f"--{name}", str(value)] if value is not None else []
    return words
