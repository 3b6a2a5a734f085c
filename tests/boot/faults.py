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
    "smap": [r"page fault: write to 0x[0-9a-f]+ by the kernel: the page's rights forbid it"],
    "smep": [r"page fault: execution at 0x[0-9a-f]+ by the kernel: the page's rights forbid it"],
    "user-undefined": [r"invalid opcode \(#UD\) by user code"],
    "user-read": [r"page fault: read of 0xffffffff80200000 by user code: the page's rights"],
    "user-privileged": [r"general protection fault \(#GP\) by user code"],
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
AARCH64 = {
    # Vectors 0 to 3: the kernel on SP_EL0, where it never is.
    "sp0-sync": [r"breakpoint #1 by the kernel, on SP_EL0"],
    "sp0-irq": [r"unexpected interrupt \(IRQ\) in the kernel, on SP_EL0"],
    "sp0-fiq": [r"unexpected fast interrupt \(FIQ\) in the kernel, on SP_EL0"],
    "sp0-serror": [r"system error \(SError\), syndrome 0x[0-9a-f]+ in the kernel, on SP_EL0"],
    # Vectors 4 to 7: the kernel on its own stack.
    "undefined": [r"undefined instruction by the kernel"],
    "breakpoint": [r"breakpoint #\d+ by the kernel"],
    "read": [r"data abort: translation fault, level \d, read of 0x[0-9a-f]+ by the kernel"],
    "write": [r"data abort: translation fault, level \d, write to 0x[0-9a-f]+ by the kernel"],
    "null": [r"data abort: translation fault, level \d, read of 0x0{16} by the kernel"],
    "read-only": [r"data abort: permission fault, level \d, write to 0xf[0-9a-f]+ by the kernel"],
    "execute": [r"instruction abort: permission fault, level \d, execution of 0xf[0-9a-f]+"],
    "execute-null": [r"instruction abort: translation fault, level \d, execution of 0x0+\b"],
    "alignment": [r"data abort: alignment fault, read of 0xf[0-9a-f]+"],
    "sp-alignment": [r"unaligned stack pointer by the kernel"],  # synthetic: TCG does not check
    "pc-alignment": [r"unaligned program counter by the kernel"],
    "float": [r"use of floating point or SIMD, which are off, by the kernel"],
    "illegal-state": [r"illegal execution state by the kernel"],
    "stack-overflow": [r"kernel stack overflow: data abort: translation fault, .* write to"],
    "stack-guard": [r"kernel stack overflow: data abort: translation fault, .* write to"],
    "stack-lost": [r"bad kernel stack pointer 0x[0-9a-f]+: "],
    "pxn": [r"execution of 0x0+400000 by the kernel"],
    "pan": [r"data abort: permission fault, level \d, read of 0x0+400000 by the kernel"],
    "irq": [r"unexpected interrupt \(IRQ\) in the kernel at"],
    "fiq": [r"unexpected fast interrupt \(FIQ\) in the kernel at"],
    "serror": [r"system error \(SError\), syndrome 0x[0-9a-f]+ in the kernel at"],
    # Vectors 8 to 11: 64-bit user code.
    "user-svc": [r"system call #0 by the user at 0x0+400004"],
    "user-undefined": [r"undefined instruction by the user at 0x0+400000"],
    "user-read": [r"permission fault, level \d, read of 0xf[0-9a-f]+ by the user"],
    "user-write": [r"permission fault, level \d, write to 0x0+400000 by the user"],
    "user-execute": [r"permission fault, level \d, execution of 0xf[0-9a-f]+ by the user"],
    "user-irq": [r"unexpected interrupt \(IRQ\) in the user"],
    "user-fiq": [r"unexpected fast interrupt \(FIQ\) in the user"],
    "user-serror": [r"system error \(SError\), syndrome 0x[0-9a-f]+ in the user"],
    # Vectors 12 to 15: 32-bit user code.
    "user32-svc": [r"32-bit system call #0 by the 32-bit user"],
    "user32-irq": [r"unexpected interrupt \(IRQ\) in the 32-bit user"],
    "user32-fiq": [r"unexpected fast interrupt \(FIQ\) in the 32-bit user"],
    "user32-serror": [r"system error \(SError\), syndrome 0x[0-9a-f]+ in the 32-bit user"],
}
# Faults that the default CPU model cannot raise.
OPTIONS = {("aarch64", "pan"): ["--cpu", "max"], ("aarch64", "panic-deaf"): ["--smp", "2"],
           ("x86_64", "panic-deaf"): ["--smp", "2"]}
# Every panic says these, whatever its cause.
EVERY_PANIC = [r"(?m)^panic on CPU \d+: ", r"(?m)^backtrace:$", r"0x[0-9a-f]{16} \w+\+0x",
               r"(?m)^registers:$", r"(?m)^last log lines:$", r"(?m)^the machine is stopped$"]
# No function of the kernel is on the backtrace of user code.
SYMBOL = EVERY_PANIC[2]

def common(name):
    """What the panic of this fault must say besides its own words."""
    if name in PORTABLE:
        return []
    return [text for text in EVERY_PANIC if text != SYMBOL or not name.startswith("user")]


def absent(arch, name):
    """What it must not say: where there is an interrupt that cannot be masked, all CPUs stop."""
    return ["do not answer"] if (arch, name) == ("x86_64", "panic-deaf") else []


# On every CPU: a panic inside a panic, and a fault inside that, end all the same.
AGAIN = r"another fault while panicking; the first was: the first of some"
PORTABLE = {"panic-twice": [AGAIN, *EVERY_PANIC[1:]], "panic-always": [r"another fault while"],
            "panic-deaf": [r"panic on CPU 0: CPU \d+ is deaf", *EVERY_PANIC]}


def table(arch):
    """{name of the fault: texts that must appear}"""
    if arch == "aarch64":
        return {**AARCH64, **PORTABLE}
    faults = {**X86_REAL, **PORTABLE}
    faults.update({f"vector-{n}": [words] for n, words in X86_SYNTHETIC.items()})
    return faults
