"""The QEMU command line of a Machine, and the check that the installed QEMU can run it.

command() is pure: the kernel and the boot medium are handed in by the caller, so that tests and
--dry-run see the very line that would be executed.
"""
import os
import re
import shutil
import subprocess

from .paths import TernError

LEAST_VERSION = (7, 2)
PACKAGES = {"x86_64": "qemu-system-x86", "aarch64": "qemu-system-arm"}
# Code that is mapped read-only, and the variables' template that each run gets a private copy of.
UEFI = {
    "x86_64": ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", "ovmf"),
    "aarch64": ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd",
                "qemu-efi-aarch64"),
}


def binary(arch):
    return f"qemu-system-{arch}"


def check_installed(arch):
    """Says in one sentence what is wrong with the installed QEMU, if anything."""
    name = binary(arch)
    if shutil.which(name) is None:
        raise TernError(f"{name} is not installed: `tools/deps run` installs {PACKAGES[arch]}")
    said = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
    check_version(name, said.stdout)


def check_version(name, text):
    match = re.search(r"version (\d+)\.(\d+)", text)
    if not match:
        raise TernError(f"`{name} --version` does not say a version")
    found = (int(match[1]), int(match[2]))
    if found < LEAST_VERSION:
        raise TernError("{} is version {}.{}, and Tern needs {}.{} or later".format(
            name, *found, *LEAST_VERSION))


def check_firmware(machine):
    """UEFI needs its two flash images; the BIOS comes with QEMU."""
    if machine.firmware != "uefi":
        return
    *files, package = UEFI[machine.arch]
    for path in files:
        if not os.path.exists(path):
            raise TernError(f"{path} is missing: `tools/deps run` installs {package}")


def command(machine, kernel, medium=None, interactive=False):
    """The argument list for a checked and completed machine."""
    return ([binary(machine.arch)] + machine_type(machine) + memory(machine) + firmware(machine)
            + boot_source(machine, kernel, medium) + console(machine, interactive)
            + measurement(machine) + ending(machine) + debugger(machine)
            + ["-nic", "none"] + machine.extra)


def machine_type(machine):
    options = [machine.machine]
    if machine.arch == "aarch64":
        options.append(f"gic-version={machine.gic}")
        if machine.el == 2:
            options.append("virtualization=on")
    if machine.numa == 1:
        options.append("memory-backend=ram0")
    return ["-machine", ",".join(options), "-accel", machine.accel, "-cpu", machine.cpu,
            "-smp", str(machine.smp)]


def memory(machine):
    """RAM that the host does not reserve, so that a 16 GiB guest runs on a small host."""
    size = machine.memory_bytes // machine.numa
    line = ["-m", size_text(machine.memory_bytes)]
    for node in range(machine.numa):
        line += ["-object", f"memory-backend-ram,id=ram{node},size={size_text(size)},reserve=off"]
    return line + (numa(machine) if machine.numa > 1 else [])


def size_text(size):
    return f"{size >> 20}M" if size % (1 << 20) == 0 else f"{size >> 10}K"


def numa(machine):
    line = []
    for node in range(machine.numa):
        first = node * machine.smp // machine.numa
        last = (node + 1) * machine.smp // machine.numa - 1
        line += ["-numa", f"node,nodeid={node},memdev=ram{node},cpus={first}-{last}"]
    for src in range(machine.numa):
        for dst in range(src + 1, machine.numa):
            line += ["-numa", f"dist,src={src},dst={dst},val=20"]
    return line


def firmware(machine):
    """snapshot=on gives each run a private copy of the variables that vanishes with it."""
    if machine.firmware != "uefi":
        return []
    code, variables, _ = UEFI[machine.arch]
    return ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
            "-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={variables}",
            # Or the firmware waits five seconds for a key.
            "-boot", "menu=on,splash-time=0"]


def boot_source(machine, kernel, medium):
    if machine.via == "kernel":
        line = ["-kernel", kernel]
        if machine.command_line:
            line += ["-append", machine.command_line]
        return line + (["-initrd", medium] if medium else [])
    drive = f"id=cd,if=none,media=cdrom,format=raw,readonly=on,file={escape(medium)}"
    if machine.arch == "x86_64":
        return ["-drive", drive, "-device", "ide-cd,drive=cd,bus=ide.0,bootindex=0"]
    # virt has no disk controller of its own; ramfb is a framebuffer that its UEFI can set up.
    return ["-device", "virtio-scsi-pci", "-drive", drive,
            "-device", "scsi-cd,drive=cd,bootindex=0", "-device", "ramfb"]


def escape(path):
    """A comma inside an option's value is written twice."""
    return path.replace(",", ",,")


def console(machine, interactive):
    line = [] if machine.display else ["-display", "none"]
    if machine.serial:
        return line + ["-serial", machine.serial, "-monitor", "none"]
    if interactive:
        return line + ["-serial", "mon:stdio"]
    return line + ["-serial", "stdio", "-monitor", "none"]


def measurement(machine):
    """Everything that makes two runs of one kernel count the same instructions."""
    line = []
    if machine.icount:
        line += ["-icount", "shift=0,sleep=off", "-seed", "1",
                 "-rtc", "base=2024-01-01T00:00:00,clock=vm"]
    if machine.plugin:
        line += ["-plugin", escape(machine.plugin), "-d", "plugin"]
    return line


def ending(machine):
    line = [] if machine.reboot else ["-no-reboot"]
    if not machine.test:
        return line
    if machine.arch == "x86_64":
        return line + ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
    return line + ["-semihosting-config", "enable=on,target=native"]


def debugger(machine):
    """The guest waits for the debugger before its first instruction."""
    if machine.gdb is None:
        return []
    return ["-gdb", f"tcp:127.0.0.1:{machine.gdb}", "-S"]

