#!/usr/bin/env python3
"""Boots Tern in Bochs, which has CPU features that QEMU's TCG lacks (docs/limits.md).

    python3 tests/boot/bochs.py [FILTER...]

x2APIC, TSC deadline, invariant TSC, PCID and INVPCID run here. The medium is the Multiboot2 one.
Bochs ignores SIGTERM; it ends by itself when the guest switches the machine off, which it reports
as a panic of its own, and is killed by its pid where that does not happen in time. One line per
test; the last line counts them.
"""
import os
import re
import subprocess
import sys
import tempfile
import time

import matrix  # noqa: F401  (first: it makes tools/tern importable)
from screen import plain_text
from tern import cli, media, paths

CONFIG = """\
megs: 256
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
vga: extension=none
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={medium}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={work}/serial
cpu: model={model}, count={cpus}, ips=50000000
clock: sync=none, time0=946681200
log: {work}/log
panic: action=fatal
error: action=report
info: action=report
display_library: term
"""
TIMEOUT = 120
OFF = "ACPI control: soft power off"
NEW = ["x2apic", "tsc-deadline", "invariant-tsc", "pcid", "invpcid"]

# This CPU has Meltdown and PCIDs, that one Meltdown and none, and neither has a word against Spectre.
PTI = r"(?m)^  mitigations +pti, swapgs-fence, verw, eager-fpu; left open: spectre-v2, .*"

# This one has no Meltdown, and something against jumps learnt elsewhere.
ENHANCED = r"(?m)^  mitigations +swapgs-fence, enhanced-ibrs, ibpb, verw, eager-fpu; left open: bhi"
GUEST = [r"(?m)^[1-9]\d* passed, 0 failed"]

# Name, CPU model, CPUs, command line, texts that the serial line must show; a program to start.
CASES = [
    ("inventory skylake", "corei7_skylake_x", 1, "run=inventory,poweroff",
     [rf"(?m)^  features .*\b{word}\b" for word in NEW if word != "invpcid"]
     + [r"(?m)^  interrupts +x2apic", r"(?m)^  clock +tsc .*tsc-deadline", r"(?m)^  faults +0", PTI]),
    ("inventory icelake", "corei7_icelake_u", 1, "run=inventory,poweroff",
     [r"(?m)^  features .*\bumip\b", r"(?m)^  interrupts +x2apic", ENHANCED]),
    ("inventory core2", "core2_penryn_t9600", 1, "run=inventory,poweroff",
     [r"(?m)^  interrupts +lapic", r"(?m)^  cpus +1 online of 1", PTI]),
    ("self tests skylake smp2", "corei7_skylake_x", 2, "test=all",
     [r"(?m)^  cpus +2 online of 2", r"self test tlb_shootdown: ok", r"self test cpu_calls: ok"]),
    ("inventory core2 smp2", "core2_penryn_t9600", 2, "run=inventory,poweroff",
     [r"(?m)^  cpus +2 online of 2", r"(?m)^  interrupts +lapic"]),
    ("self tests skylake", "corei7_skylake_x", 1, "test=all",
     [r"self test deadline_order: ok", r"self test frame_orders: ok",
      r"self test isolation: ok"]),
    ("guest ipc skylake", "corei7_skylake_x", 1, "exit=debug", GUEST, "ipc"),
    ("guest syscall core2", "core2_penryn_t9600", 1, "exit=debug", GUEST, "syscall"),
    ("guest ipc skylake smp2", "corei7_skylake_x", 2, "exit=debug", GUEST, "ipc"),
    ("guest ipc icelake", "corei7_icelake_u", 1, "exit=debug", GUEST, "ipc"),
    ("guest ipc icelake mitigations on", "corei7_icelake_u", 2, "exit=debug mitigations=on", GUEST,
     "ipc"),
    ("guest ipc skylake mitigations off", "corei7_skylake_x", 1, "mitigations=off exit=debug", GUEST, "ipc"),
]


def run_bochs(case, work):
    """(seconds, serial output, Bochs's own log) of one boot."""
    _, model, cpus, words, _, *root = case
    folder = os.path.join(paths.ROOT, "build", "x86_64", "debug")
    options = ["--root", os.path.join(folder, "user", f"{root[0]}.elf")] if root else []
    args = cli.build_parser().parse_args(["boot", "--via", "multiboot2", "--append", words,
                                          *options])
    machine = cli.machine_of(args, [])
    kernel = os.path.join(folder, "tern.elf")
    config = CONFIG.format(medium=media.medium(machine, kernel), work=work, model=model, cpus=cpus)
    for name, text in (("rc", config), ("continue", "c\n")):
        with open(os.path.join(work, name), "w", encoding="utf-8") as file:
            file.write(text)
    start = time.monotonic()
    bochs = subprocess.Popen(["bochs", "-q", "-f", "rc", "-rc", "continue"], cwd=work,
                             env=dict(os.environ, TERM="xterm"), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        bochs.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if bochs.poll() is None:
            bochs.kill()
            bochs.wait()
    return time.monotonic() - start, read(work, "serial"), read(work, "log")


def read(work, name):
    path = os.path.join(work, name)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return plain_text(file.read())


def complaints(case, serial, log):
    wrong = [f"missing: {text}" for text in case[4] if not re.search(text, serial)]
    wrong += [f"not expected: {text}" for text in (r"(?i)panic", r"FAILED")
              if re.search(text, serial)]
    if OFF not in log:
        wrong.append("the machine was not switched off")
    return wrong


def main(filters):
    passed = failed = 0
    for case in CASES:
        if filters and not any(part in case[0] for part in filters):
            continue
        with tempfile.TemporaryDirectory() as work:
            seconds, serial, log = run_bochs(case, work)
        wrong = complaints(case, serial, log)
        passed, failed = passed + (not wrong), failed + bool(wrong)
        print(f"{'FAIL' if wrong else 'ok':4} bochs {case[0]} ({seconds:.1f} s)", flush=True)
        for line in wrong + ([f"| {text}" for text in (serial + log).splitlines()[-30:]]
                             if wrong else []):
            print(f"     {line}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
