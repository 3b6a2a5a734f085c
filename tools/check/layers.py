#!/usr/bin/env python3
"""Checks which folder of the kernel includes which, and that no CPU is named outside arch/.

RULES says what each folder may include; an include that no rule allows is an error, and so is a
rule that nothing needs, so that the list stays true. User code (USER_FOLDERS) sees abi/ and lib/
only; of the kernel it shares the headers of kernel/lib that are named in SHARED.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
KERNEL = os.path.join(ROOT, "kernel")

# Folder: the folders it may include, besides itself. "arch" is the contract, arch/include.
RULES = {
    "lib": set(),
    "arch": {"lib", "boot"},
    "sync": {"lib", "sched"},
    "mem": {"lib", "arch", "boot", "obj", "sched", "sync", "trace"},
    "obj": {"lib", "arch", "boot", "cap", "ipc", "mem", "sched", "sync", "syscall", "trace"},
    "cap": {"lib", "mem", "obj", "sched"},
    "sched": {"lib", "arch", "boot", "ipc", "mem", "obj", "sync", "syscall", "trace"},
    "ipc": {"lib", "arch", "mem", "obj", "sched", "syscall"},
    "syscall": {"lib", "arch", "boot", "cap", "ipc", "mem", "obj", "sched", "trace"},
    "trace": {"lib", "arch", "boot", "mem", "obj", "sched", "sync", "syscall"},
    "chip": {"lib", "arch", "boot", "mem", "sched", "trace"},
    "boot": {"lib", "arch", "cap", "mem", "obj", "sched", "syscall", "trace", "monitor",
             "selftest"},
    "monitor": {"lib", "boot", "sched", "syscall", "trace"},
    "selftest": {"lib", "arch", "boot", "cap", "mem", "sched", "trace"},
}
USER_FOLDERS = ("lib", "apps", "drivers", "servers", "tests/guest", "tests/native")
# Of the libraries of user code, lib/NAME: the others that each may include. Programs: all.
USER_RULES = {
    "sys": set(),
    "rt": {"sys"},
    "c": {"sys", "rt"},
    "device": {"sys", "rt"},
    "pci": {"device"},
    "virtio": {"sys", "rt", "device", "pci"},
}
SHARED = {"lib/elf.h", "lib/error.h", "lib/list.h", "lib/print.h", "lib/string.h", "lib/types.h"}
CPU_NAMES = re.compile(r"x86|amd64|aarch64|arm64|armv8|\bintel\b|\bamd\b|__x86|__aarch", re.I)
# Names of standards and their fields that contain a CPU's name: device-tree strings, notes.
CPU_EXCEPTIONS = re.compile(r'"arm,[\w-]*"|arch-x86/hvm|"linux,|Linux arm64')
OF_ONE_CPU = re.compile(r"(selftest/)?arch/(?!include/)")
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([\w./-]+)[">]')


def sources():
    """(path from kernel/, top folder) of the portable files and of the contract."""
    for folder, _, names in os.walk(KERNEL):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), KERNEL)
            top = path.split(os.sep)[0]
            if name.endswith((".c", ".h", ".S", ".def")) and not OF_ONE_CPU.match(path):
                yield path, top


def check_file(path, top, used):
    """The sentences about one file; `used` gathers the rules that it needs."""
    wrong = []
    with open(os.path.join(KERNEL, path), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if CPU_NAMES.search(CPU_EXCEPTIONS.sub("", line)):
                wrong.append(f"kernel/{path}:{number}: names a CPU: {line.strip()}")
            match = INCLUDE.match(line)
            if match and "/" in match.group(1):
                target = match.group(1).split("/")[0]
                if target != top and target not in RULES.get(top, set()):
                    wrong.append(f"kernel/{path}:{number}: {top} may not include {target}")
                used.setdefault(top, set()).add(target)
    return wrong


def user_sources():
    """Paths from the root of user code that no CPU has to itself."""
    for top in USER_FOLDERS:
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            path = os.path.relpath(folder, ROOT)
            if "arch" not in path.split(os.sep):
                yield from (os.path.join(path, n) for n in names if n.endswith((".c", ".h", ".S")))


def user_may_include(path, name):
    """What is shared, what lies directly in abi/ or beside the file, and libraries below it."""
    folders = path.split(os.sep)
    own = folders[1] if folders[0] == "lib" else None
    below = USER_RULES.get(own, set()) | {own} if own else set(USER_RULES)
    return "/" not in name or name in SHARED or name.split("/")[0] in below


def check_user_file(path):
    wrong = []
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if CPU_NAMES.search(line):
                wrong.append(f"{path}:{number}: names a CPU: {line.strip()}")
            match = INCLUDE.match(line)
            if match and not user_may_include(path, match.group(1)):
                wrong.append(f"{path}:{number}: user code may not include {match.group(1)}")
    return wrong


def main():
    wrong, used, count = [], {}, 0
    for path in sorted(user_sources()):
        wrong += check_user_file(path)
        count += 1
    for path, top in sorted(sources()):
        if top not in RULES:
            wrong.append(f"kernel/{path}: the folder {top} has no layer rule")
        wrong += check_file(path, top, used)
        count += 1
    for top, allowed in RULES.items():
        for target in sorted(allowed - used.get(top, set())):
            wrong.append(f"tools/check/layers.py: {top} does not need {target}; tighten the rule")
    print("\n".join(wrong + [f"layers: {count} files, {len(wrong)} wrong"]))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
