"""Which faults the kernel's self-test `test=fault:NAME` provokes, and what it must say of each.

By its real cause where the emulator raises it; the others come as a synthetic frame, by number.
Each boot must panic (status 2) and print all the texts; the texts are regular expressions.
"""

X86_REAL = {
    "divide": [r"divide error \(#DE\) by the kernel"],
    "debug": [r"debug exception \(#DB\) by the kernel"],
    "nmi": [r"non-maskable interrupt \(NMI\)"],
    "breakpoint": [r"breakpoint \(#BP\) by the kernel"],
    "overflow": [r"overflow \(#OF\) by the kernel"],
    "bound": [r"bound range exceeded \(#BR\) by the kernel"],
    "invalid-opcode": [r"invalid opcode \(#UD\) by the kernel"],
    "no-fpu": [r"FPU not available \(#NM\) by the kernel"],
    "double-fault": [r"double fault \(#DF\) by the kernel"],
    "invalid-tss": [r"invalid TSS \(#TS\) by the kernel, GDT entry \d+"],  # synthetic
    "not-present": [r"segment not present \(#NP\) by the kernel, GDT entry \d+"],
    "stack": [r"stack segment fault \(#SS\) by the kernel"],
    "protection": [r"general protection fault \(#GP\) by the kernel"],
    "fpu": [r"x87 floating-point error \(#MF\) by the kernel"],
    "page-read": [r"page fault: read of 0x[0-9a-f]+ by the kernel: the page is not mapped"],
    "page-write": [r"page fault: write to 0x[0-9a-f]+ by the kernel: the page's rights forbid it"],
    "page-execute": [r"page fault: execution at 0x[0-9a-f]+ by the kernel: "
                     r"the page's rights forbid it"],
    "page-null": [r"page fault: read of 0x0 by the kernel: the page is not mapped"],
    "stack-guard": [r"page fault: write to 0x[0-9a-f]+"],
    "interrupt": [r"unexpected interrupt on vector \d+"],
}
# Vectors without a real cause under TCG, and their words.
X86_SYNTHETIC = {
    9: "coprocessor segment overrun", 15: "reserved exception 15", 17: "alignment check",
    18: "machine check", 19: "SIMD floating-point error", 20: "virtualization exception",
    21: "control protection fault",
    **{n: f"reserved exception {n}" for n in range(22, 28)},
    28: "hypervisor injection", 29: "VMM communication", 30: "security exception",
    31: "reserved exception 31",
}
AARCH64_REAL = {
    "undefined": [r"undefined instruction by the kernel"],
    "breakpoint": [r"breakpoint instruction by the kernel"],
    "alignment": [r"alignment fault"],
    "page-read": [r"page fault: read of 0x[0-9a-f]+ by the kernel: the page is not mapped"],
    "page-write": [r"page fault: write to 0x[0-9a-f]+ by the kernel: the page's rights forbid it"],
    "page-execute": [r"page fault: execution at 0x[0-9a-f]+ by the kernel: "
                     r"the page's rights forbid it"],
    "page-null": [r"page fault: read of 0x0 by the kernel: the page is not mapped"],
    "stack-guard": [r"page fault: write to 0x[0-9a-f]+"],
}
# Every panic says these, whatever its cause.
EVERY_PANIC = [r"(?i)panic", r"(?i)backtrace"]


def table(arch):
    """Name of the fault to the texts that must appear."""
    if arch == "aarch64":
        faults = dict(AARCH64_REAL)
        faults.update({f"vector-{n}": [rf"vector {n}\b"] for n in range(16)})
        return faults
    faults = dict(X86_REAL)
    faults.update({f"vector-{n}": [words] for n, words in X86_SYNTHETIC.items()})
    return faults
