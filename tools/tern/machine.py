"""The machine asked for, and the pairs that no machine can be.

A Machine is plain data made by cli.py (or by a test). complete() fills in what follows from the
rest, check() refuses in one sentence what cannot work; both leave the files of the host alone.
"""
import re
from dataclasses import dataclass, field
from typing import Optional

from .paths import TernError

ARCHES = ("x86_64", "aarch64")
VIAS = ("kernel", "multiboot2", "limine")
MACHINES = {"x86_64": ("q35", "microvm", "pc"), "aarch64": ("virt",)}
GICV2_CPUS = 8  # the GICv2 architecture's own limit
XAPIC_CPUS, VIRT_CPUS = 255, 512
LEAST_BYTES, MOST_BYTES = 16 << 20, 16 << 40
# CPU models without a 64-bit mode, of both families, up to the first comma.
CPUS_32 = (r"(?:qemu32|kvm32|486|pentium\d?|athlon|coreduo|n270|cortex-a(?:7|8|9|15)|cortex-[mr]\d+f?"
           r"|arm\d+\w*|pxa\d+.*|sa11\d+|ti925t)(?:-v1)?(?:,.*)?")
UEFI_LEAST = 128 << 20  # bytes in node 0, or the firmware dies before it loads anything
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass
class Machine:
    """One machine and what is booted on it; None means: take what follows from the rest."""

    arch: str = "x86_64"
    build: str = "debug"
    via: str = "kernel"
    firmware: Optional[str] = None
    machine: Optional[str] = None
    cpu: Optional[str] = None
    gic: Optional[int] = None
    el: Optional[int] = None
    smp: int = 1
    memory: str = "512M"
    numa: int = 1
    append: str = ""
    module: Optional[str] = None
    root: Optional[str] = None  # the root program, as a module named "root"
    gdb: Optional[int] = None  # port; 0: any free one
    icount: bool = False
    timeout: Optional[float] = None
    accel: str = "tcg"
    limine: Optional[str] = None
    test: bool = False
    display: bool = False
    reboot: bool = False
    plugin: Optional[str] = None
    kernel: Optional[str] = None  # another ELF file or Image than the build's
    serial: Optional[str] = None  # another place for the serial line than the terminal
    extra: list = field(default_factory=list)

    @property
    def memory_bytes(self):
        return parse_memory(self.memory)

    @property
    def command_line(self):
        """The kernel's command line; a test boot leaves through the debug-exit device."""
        words = ["exit=debug"] if self.test else []
        return " ".join(words + ([self.append] if self.append else []))


def parse_memory(text):
    """Bytes of "512M", "4G", or of a plain number of MiB, as QEMU reads it."""
    match = re.fullmatch(r"([0-9]+)([KMGT]?)", text.upper())
    if not match or int(match[1]) == 0:
        raise TernError(f"--memory {text} is no size: write 512M or 4G")
    return int(match[1]) * UNITS[match[2] or "M"]


def complete(machine):
    """Fills in what was not said. To be called after check()."""
    x86 = machine.arch == "x86_64"
    if machine.machine is None:
        machine.machine = "q35" if x86 else "virt"
    if machine.firmware is None and machine.via != "kernel":
        machine.firmware = "bios" if x86 else "uefi"
    if machine.cpu is None:
        machine.cpu = "host" if machine.accel != "tcg" else "max" if x86 else "cortex-a57"
    if not x86:
        machine.el = machine.el or 1
        machine.gic = machine.gic or (2 if machine.smp <= GICV2_CPUS else 3)
    return machine


# Every refusal: when it applies, and the sentence. The order is that of the questions a user
# would ask: does the word exist, does the loader fit the CPU, does the machine fit the loader.
REFUSALS = (
    (lambda m: m.arch not in ARCHES, "Tern runs on x86_64 and aarch64, not on {0.arch}"),
    (lambda m: m.machine is not None and m.machine not in MACHINES[m.arch],
     "--machine {0.machine} does not exist for {0.arch}: choose from {1}"),
    (lambda m: m.via == "multiboot2" and m.arch == "aarch64",
     "Multiboot2 is a protocol of x86: on aarch64 boot --via kernel or limine"),
    (lambda m: m.via == "limine" and not m.limine,
     "--via limine needs --limine DIR or LIMINE_DIR: the directory of a Limine 8 binary release"),
    (lambda m: m.via == "limine" and m.arch == "aarch64" and m.firmware == "bios",
     "aarch64 has no BIOS: Limine boots there with --firmware uefi"),
    (lambda m: m.via == "kernel" and m.arch == "x86_64" and m.firmware == "uefi",
     "--via kernel enters by PVH without UEFI: --firmware uefi needs --via multiboot2 or limine"),
    (lambda m: m.via == "kernel" and m.arch == "aarch64" and m.firmware is not None,
     "--via kernel on aarch64 runs without firmware: --firmware uefi needs --via limine"),
    (lambda m: m.machine == "microvm" and m.via != "kernel",
     "microvm has no disk controller to boot {0.via} media from: use --via kernel"),
    (lambda m: m.machine == "microvm" and m.numa > 1,
     "microvm describes no NUMA nodes in its ACPI tables: use --machine q35"),
    (lambda m: m.arch == "x86_64" and m.gic is not None,
     "--gic chooses the interrupt controller of aarch64: x86_64 has none"),
    (lambda m: m.arch == "x86_64" and m.el is not None,
     "--el chooses the exception level of aarch64: x86_64 has none"),
    (lambda m: m.gic == 2 and m.smp > GICV2_CPUS,
     "GICv2 serves at most 8 CPUs: --smp {0.smp} needs --gic 3"),
    (lambda m: m.arch == "x86_64" and m.smp > XAPIC_CPUS and m.accel == "tcg",
     "--smp {0.smp}: the emulated interrupt controllers reach 255 CPUs"),
    (lambda m: m.arch == "aarch64" and m.smp > VIRT_CPUS,
     "--smp {0.smp}: the machine virt has at most 512 CPUs"),
    (lambda m: re.fullmatch(CPUS_32, m.cpu or "") is not None,
     "--cpu {0.cpu} has 32 bits, and Tern needs 64"),
    (lambda m: 0 < m.memory_bytes < LEAST_BYTES,
     "--memory {0.memory} is too little: the kernel and its loader need 16 MiB"),
    (lambda m: m.memory_bytes > MOST_BYTES,
     "--memory {0.memory} is more than the 16 TiB that the kernel can manage"),
    (lambda m: m.smp < 1, "--smp {0.smp}: a machine has at least one CPU"),
    (lambda m: m.numa < 1, "--numa {0.numa}: a machine has at least one node"),
    (lambda m: m.numa > m.smp,
     "--numa {0.numa} with --smp {0.smp}: every node needs at least one CPU"),
    (lambda m: m.memory_bytes % (m.numa << 20) != 0,
     "--memory {0.memory} cannot be divided into {0.numa} nodes of whole MiB"),
    (lambda m: m.arch == "aarch64" and m.via == "limine" and m.memory_bytes < m.numa * UEFI_LEAST,
     "UEFI for aarch64 needs 128 MiB in its first node: --memory {0.memory} is too little"),
    (lambda m: m.icount and m.smp > 1,
     "--icount counts the instructions of one CPU: it cannot be used with --smp {0.smp}"),
    (lambda m: m.icount and m.accel != "tcg",
     "--icount is a mode of TCG: it cannot be used with --accel {0.accel}"),
    (lambda m: m.plugin is not None and m.accel != "tcg",
     "--plugin is loaded by TCG: it cannot be used with --accel {0.accel}"),
    (lambda m: m.el == 2 and m.accel != "tcg",
     "--el 2 is emulated by TCG only: it cannot be used with --accel {0.accel}"),
    (lambda m: re.search(r"[\x00-\x1f\x7f]", m.append) and m.via != "kernel",
     "--append holds a control character, which a {0.via} configuration file cannot carry"),
)


def check(machine):
    """Raises TernError with one sentence if no such machine can be."""
    for applies, sentence in REFUSALS:
        if applies(machine):
            raise TernError(sentence.format(machine, ", ".join(MACHINES.get(machine.arch, ()))))
    return machine
