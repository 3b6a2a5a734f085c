"""gdb on a kernel with its symbols, and the names of addresses.

`tern gdb` starts the machine halted with its serial line in a file (the terminal belongs to gdb),
attaches, and ends the machine when gdb ends; with --port it attaches to a `tern boot --gdb` that
runs elsewhere and leaves that alone.
"""
import os
import shutil
import signal
import socket
import subprocess
import time

from .paths import BUILD, ROOT, TernError
from .run import end_process, say

ARCHITECTURES = {"x86_64": "i386:x86-64", "aarch64": "aarch64"}
START_SECONDS = 10


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def gdb_line(arch, elf, port, extra):
    if shutil.which("gdb-multiarch") is None:
        raise TernError("gdb-multiarch is not installed: `tools/deps test` installs it")
    return ["gdb-multiarch", "-q", elf, "-iex", "set confirm off",
            "-ex", f"set architecture {ARCHITECTURES[arch]}",
            "-ex", f"target remote 127.0.0.1:{port}", *extra]


def attach(arch, elf, port, extra):
    """Runs gdb in the foreground; Ctrl-C is gdb's, to stop the guest."""
    line = gdb_line(arch, elf, port, extra)
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # The child must not inherit that Ctrl-C is ignored.
        return subprocess.run(line, check=False, preexec_fn=listen_to_interrupts).returncode
    finally:
        signal.signal(signal.SIGINT, previous)


def listen_to_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def serial_file():
    os.makedirs(BUILD, exist_ok=True)
    return os.path.join(BUILD, "gdb-serial.log")


def boot_and_attach(machine, elf, line, extra):
    """The machine in the background in a session of its own, so that Ctrl-C reaches only gdb."""
    gdb_line(machine.arch, elf, machine.gdb, extra)
    say(f"serial line in {os.path.relpath(serial_file(), ROOT)}")
    qemu = subprocess.Popen(line, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for_port(qemu, machine.gdb)
        return attach(machine.arch, elf, machine.gdb, extra)
    finally:
        end_process(qemu)


def wait_for_port(qemu, port):
    """QEMU listens from its start on; a connection of ours would count as the debugger's."""
    limit = time.monotonic() + START_SECONDS
    while not listening(port):
        if qemu.poll() is not None:
            raise TernError(f"QEMU failed with status {qemu.returncode}")
        if time.monotonic() > limit:
            raise TernError(f"QEMU does not listen on port {port}")
        time.sleep(0.05)


def listening(port):
    """Whether a socket of this host listens on the port, without connecting to it."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [row.split() for row in table.readlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def name_addresses(elf, addresses):
    """Prints function, file and line of kernel addresses, inlined callers included."""
    tool = "llvm-symbolizer-19"
    if shutil.which(tool) is None:
        raise TernError(f"{tool} is not installed: `tools/deps build` installs llvm-19")
    for address in addresses:
        said = subprocess.run([tool, f"--obj={elf}", "--pretty-print", "--relativenames", address],
                              capture_output=True, text=True, check=False)
        if said.returncode != 0:
            raise TernError(f"{tool} failed: {said.stderr.strip()}")
        print(f"{address}  " + said.stdout.strip().replace("\n", "\n    "))
