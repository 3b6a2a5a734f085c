"""Reading the kernel's closing screen, and holding it against the machine that was asked for."""
import re

from tern import media

HEADER = re.compile(r"^Tern (\S+), (\S+), (\S+) build$")
ITEM = re.compile(r"^  (\S+(?: \S+)*) {2,}(\S.*)$")
ESCAPE = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]")
MEMORY = re.compile(r"^(\d+) MiB usable in (\d+) ranges?, (\d+) nodes?, (\d+) MiB touched$")
NODE = re.compile(r"^(\d+) MiB usable, cpus (\S+), distances ([\d ]+)$")
TOUCHED_MIB = 48  # even of 16 GiB: booting never walks through memory
# MiB that the way in keeps for itself: the firmware's runtime, tables and loader.
KEPT_MIB = {"none": 8, "bios": 8, "uefi": 48}


def plain_text(output):
    """Serial output without carriage returns and terminal escapes (UEFI and GRUB send many)."""
    return ESCAPE.sub("", output.replace("\r", ""))


def read_screen(output):
    """The items of the last closing screen, with the header's words as `arch` and `build`."""
    screen = {}
    for line in plain_text(output).splitlines():
        header = HEADER.match(line)
        if header:
            screen = {"version": header[1], "arch": header[2], "build": header[3]}
        item = ITEM.match(line)
        if item and screen:
            screen[item[1]] = item[2].rstrip()
    return screen


class Complaints(list):
    """What is wrong, one sentence each."""

    def equal(self, what, found, wanted):
        if found != wanted:
            self.append(f"{what}: found {found!r}, wanted {wanted!r}")

    def match(self, what, found, pattern):
        if not re.fullmatch(pattern, found or ""):
            self.append(f"{what}: found {found!r}, wanted a match of {pattern!r}")


def compare(screen, machine, build, append):
    """Complaints about the screen of a test boot of this (completed) Machine."""
    wrong = Complaints()
    if not screen:
        wrong.append("no closing screen")
        return wrong
    wrong.equal("arch", screen["arch"], machine.arch)
    wrong.equal("build", screen["build"], build)
    wrong.equal("protocol", screen.get("protocol"), protocol_of(machine))
    wrong.equal("command", screen.get("command"), f"exit=debug {append}".strip())
    wrong.match("cpus", screen.get("cpus"),
                rf"{machine.smp} online of {machine.smp} found, \S.*")
    wrong.match("boot", screen.get("boot"), r"\d+\.\d ms, \d+\.\d ms waited")
    wrong.equal("faults", screen.get("faults"), "0")
    compare_memory(wrong, screen, machine)
    compare_nodes(wrong, screen, machine)
    compare_modules(wrong, screen, machine)
    compare_devices(wrong, screen, machine)
    return wrong


def protocol_of(machine):
    if machine.via != "kernel":
        return machine.via
    return "pvh" if machine.arch == "x86_64" else "image"


def compare_memory(wrong, screen, machine):
    found = MEMORY.match(screen.get("memory", ""))
    if not found:
        wrong.append(f"memory: not understood: {screen.get('memory')!r}")
        return
    usable, _, nodes, touched = map(int, found.groups())
    given = machine.memory_bytes >> 20
    # Five hundredths for what the kernel keeps to describe memory itself.
    least = given * 95 // 100 - KEPT_MIB[machine.firmware or "none"]
    if not least <= usable <= given:
        wrong.append(f"memory: {usable} MiB usable of {given}, wanted at least {least}")
    if touched > TOUCHED_MIB:
        wrong.append(f"memory: {touched} MiB touched, at most {TOUCHED_MIB} allowed")
    wrong.equal("memory nodes", nodes, machine.numa)


def compare_nodes(wrong, screen, machine):
    names = [key for key in screen if re.fullmatch(r"node \d+", key)]
    wrong.equal("nodes", sorted(names), sorted(f"node {n}" for n in range(machine.numa)))
    total = 0
    for node in range(machine.numa):
        found = NODE.match(screen.get(f"node {node}", ""))
        if not found:
            wrong.append(f"node {node}: not understood: {screen.get(f'node {node}')!r}")
            return
        total += int(found[1])
        wrong.equal(f"node {node} cpus", found[2], cpus_of(machine, node))
        distances = " ".join("10" if n == node else "20" for n in range(machine.numa))
        wrong.equal(f"node {node} distances", found[3].strip(), distances)
        check_node_share(wrong, node, int(found[1]), machine)
    whole = MEMORY.match(screen.get("memory", ""))
    if whole and abs(int(whole[1]) - total) > machine.numa:
        wrong.append(f"nodes: {total} MiB together, but {whole[1]} MiB in all")


def check_node_share(wrong, node, usable, machine):
    """Memory is divided evenly; a node may give the firmware's and the kernel's part."""
    share = (machine.memory_bytes >> 20) // machine.numa
    least = share * 90 // 100 - KEPT_MIB[machine.firmware or "none"]
    if not least <= usable <= share:
        wrong.append(f"node {node}: {usable} MiB usable, wanted {least} to {share}")


def cpus_of(machine, node):
    first = node * machine.smp // machine.numa
    last = (node + 1) * machine.smp // machine.numa - 1
    return str(first) if first == last else f"{first}-{last}"


def compare_modules(wrong, screen, machine):
    if machine.via == "kernel":
        wrong.equal("modules", screen.get("modules"), "0")
    else:
        size = len(media.MODULE_TEXT)
        wrong.equal("modules", screen.get("modules"), f"1: {media.MODULE_COMMAND} ({size} bytes)")


def compare_devices(wrong, screen, machine):
    x86 = machine.arch == "x86_64"
    loader = machine.via != "kernel"
    firmware = "acpi" if x86 else r"acpi(\+fdt)?" if loader else "fdt"
    wrong.match("firmware", screen.get("firmware"), firmware)
    interrupts = r"lapic, ioapic [12]" if x86 else f"gicv{machine.gic}"
    wrong.match("interrupts", screen.get("interrupts"), interrupts)
    clock = r"tsc \d+\.\d MHz by \S.*" if x86 else r"cntvct 62\.5 MHz by cntfrq"
    wrong.match("clock", screen.get("clock"), clock)
    consoles = ["uart16550 at port 0x3f8" if x86 else "pl011 at 0x9000000"]
    consoles += ["framebuffer 1024x768"] if loader else []
    wrong.equal("console", sorted(screen.get("console", "").split(", ")), sorted(consoles))
    wrong.equal("power", screen.get("power"), "acpi" if x86 else "psci")
    if not x86:
        # Limine hands the kernel over at EL1, wherever it was started itself.
        wrong.equal("entry", screen.get("entry"), "el1" if loader else f"el{machine.el}")
