"""The command line of `tern`: what the commands accept, and what each does in order."""
import argparse
import os
import shlex
import sys

from . import debug, media, program, qemu
from .machine import ARCHES, GICV2_CPUS, VIAS, Machine, check, complete
from .paths import TernError, kernel_elf, kernel_of, require_files, require_kernel
from .run import TERN_FAILED, is_terminal, run, say, seconds

BOOT_TEXT = """\
Boots the kernel in QEMU with its serial line on this terminal; Ctrl-A x quits.
Arguments after -- go to QEMU unchanged."""
BOOT_STATUS = """\
exit status: that of the kernel (test boots: 0 clean, 1 a self test failed, 2 panic), 0 after
power-off, 123 if a test boot reset itself, 124 after --timeout, 125 if tern or QEMU failed."""
GDB_TEXT = """\
Boots the kernel halted and attaches gdb with the kernel's symbols; quitting gdb ends the machine.
The serial line goes to build/gdb-serial.log. With --port, attaches to a running `tern boot --gdb`.
Arguments after -- go to gdb unchanged: ./tern gdb -- -ex 'break panic' -ex continue"""
ADDR_TEXT = "Names kernel addresses: function, file and line."


class Parser(argparse.ArgumentParser):
    """Leaves with 125 on a wrong command line: 2 is the kernel's status for a panic."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(TERN_FAILED, f"{self.prog}: {message}\n")


def build_parser():
    parser = Parser(prog="tern", description="Boots Tern, runs programs in it, examines its kernel.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    boot = add_command(commands, "boot", "boot the kernel in QEMU", BOOT_TEXT, BOOT_STATUS)
    gdb = add_command(commands, "gdb", "debug the kernel with symbols", GDB_TEXT)
    addr = add_command(commands, "addr", "name kernel addresses", ADDR_TEXT)
    run_, shell = program.add_commands(commands, add_command)
    for command in (boot, gdb, addr, run_, shell):
        add_kernel_options(command)
    for command in (boot, gdb):
        add_machine_options(command)
    add_run_options(boot)
    gdb.add_argument("--port", type=int, help="attach to the machine that listens there")
    addr.add_argument("address", nargs="+", metavar="ADDR", help="for example 0xffffffff80001234")
    return parser


def add_command(commands, name, summary, text, epilog=None):
    return commands.add_parser(name, help=summary, description=text, epilog=epilog,
                               formatter_class=argparse.RawDescriptionHelpFormatter)


def add_kernel_options(parser):
    parser.add_argument("--arch", choices=ARCHES, default=os.environ.get("ARCH", "x86_64"),
                        help="CPU (default: the variable ARCH, or x86_64)")
    parser.add_argument("--build", choices=("debug", "release"), default="debug",
                        help="which build of the kernel (default: debug)")
    parser.add_argument("--kernel", metavar="FILE", help="another kernel file than the build's")


def add_machine_options(parser):
    group = parser.add_argument_group("machine")
    group.add_argument("--via", choices=VIAS, default="kernel",
                       help="way in: QEMU's -kernel, GRUB, or Limine (default: kernel)")
    group.add_argument("--firmware", choices=("bios", "uefi"),
                       help="for the loaders (default: bios; aarch64: uefi)")
    group.add_argument("--limine", metavar="DIR", default=os.environ.get("LIMINE_DIR") or None,
                       help="a Limine 8 binary release (default: the variable LIMINE_DIR)")
    group.add_argument("--machine", help="x86_64: q35 (default), microvm, pc; aarch64: virt")
    group.add_argument("--cpu", help="QEMU CPU model (default: max; aarch64: cortex-a57)")
    group.add_argument("--gic", type=int, choices=(2, 3),
                       help=f"aarch64 interrupt controller (default: 2 up to {GICV2_CPUS} CPUs)")
    group.add_argument("--el", type=int, choices=(1, 2),
                       help="aarch64 exception level at entry (default: 1)")
    group.add_argument("--smp", type=int, default=1, metavar="N", help="CPUs (default: 1)")
    group.add_argument("--memory", default="512M", metavar="SIZE", help="default: 512M")
    group.add_argument("--numa", type=int, default=1, metavar="N",
                       help="nodes that memory and CPUs are divided among (default: 1)")
    group.add_argument("--append", default="", metavar="WORDS", help="kernel command line")
    group.add_argument("--module", metavar="FILE",
                       help="boot module (default: a small text; none with --via kernel)")
    group.add_argument("--root", metavar="FILE",
                       help="root program: an ELF file, given to the kernel as the module \"root\"")
    group.add_argument("--accel", default="tcg", help="QEMU accelerator (default: tcg)")
    group.add_argument("--icount", action="store_true",
                       help="count instructions: the clock is their number, runs repeat exactly")
    group.add_argument("--plugin", metavar="FILE", help="QEMU TCG plugin (.so)")
    group.add_argument("--display", action="store_true", help="open QEMU's window")
    group.add_argument("--reboot", action="store_true",
                       help="a reset starts the machine again instead of ending it")
    group.add_argument("--dry-run", action="store_true", help="print the QEMU command and leave")


def add_run_options(parser):
    group = parser.add_argument_group("run")
    group.add_argument("--gdb", type=int, nargs="?", const=0, metavar="PORT",
                       help="wait for a debugger on this port (default: a free one)")
    group.add_argument("--timeout", type=seconds, metavar="S", help="stop after S seconds")
    group.add_argument("--test", action="store_true",
                       help="the kernel leaves through the debug-exit device, with a status")


def machine_of(options, extra):
    """The checked and completed machine for parsed options."""
    fields = {name: value for name, value in vars(options).items()
              if name in Machine.__dataclass_fields__}
    if fields["gdb"] == 0 and not options.dry_run:
        fields["gdb"] = debug.free_port()
    return complete(check(Machine(**fields, extra=extra)))


def prepare(machine, dry_run, interactive=False):
    """The QEMU command line, with its boot medium built."""
    kernel = kernel_of(machine)
    if not dry_run:
        qemu.check_installed(machine.arch)
        qemu.check_firmware(machine)
        require_files((kernel, machine.root, machine.module, machine.plugin))
    medium = None
    if machine.via == "kernel":
        medium = media.initrd(machine, dry_run)
    else:
        medium = "MEDIUM.iso" if dry_run else media.medium(machine, kernel)
    return qemu.command(machine, kernel, medium, interactive)


def symbols_for(options):
    """The ELF file that gdb and the symbolizer read."""
    elf = options.kernel or kernel_elf(options.arch, options.build)
    return require_kernel(elf, options.arch, options.build)


def boot(options, extra):
    machine = machine_of(options, extra)
    line = prepare(machine, options.dry_run, is_terminal())
    if options.dry_run:
        print(shlex.join(line))
        return 0
    if machine.gdb is not None:
        say(f"waiting for a debugger: ./tern gdb --arch {machine.arch} --build {machine.build} "
            f"--port {machine.gdb}")
    return run(line, machine.timeout, machine.test, machine.reboot)


def gdb(options, extra):
    options.gdb = options.port or 0
    elf = symbols_for(options)
    if options.port:
        return debug.attach(options.arch, elf, options.port, extra)
    machine = machine_of(options, [])
    machine.serial = "file:" + debug.serial_file()
    line = prepare(machine, options.dry_run)
    if options.dry_run:
        print(shlex.join(line))
        return 0
    return debug.boot_and_attach(machine, elf, line, extra)


def addr(options, _extra):
    debug.name_addresses(symbols_for(options), options.address)
    return 0


COMMANDS = {"boot": boot, "gdb": gdb, "addr": addr, "run": program.run, "shell": program.shell}


def split_extra(words):
    """What stands after -- belongs to the program that tern starts."""
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1:]


def main(words):
    words, extra = split_extra(words)
    options = build_parser().parse_args(words)
    try:
        return COMMANDS[options.command](options, extra)
    except TernError as error:
        say(str(error))
        return TERN_FAILED
    except KeyboardInterrupt:
        return 130
