"""`tern run` and `tern shell`: a Linux program in a guest, as if it ran here.

Each run has a folder of its own under build/run, with the boot module and the guest's logs; it
goes with the run, but stays if the guest failed.
"""
import os
import posixpath
import shlex
import shutil
import stat
import sys
import tempfile

from . import media, packages, qemu, system, tree
from .machine import Machine, check, complete
from .paths import BUILD, ROOT, TernError, kernel_of, require_files
from .run import say, seconds
from .session import Session
from .terminal import hold_standard_files, terminal

RUNS = os.path.join(BUILD, "run")
STALE_SECONDS = 7 * 24 * 3600  # a failed run's folder, or that of a tern that was killed
RUN_TEXT = """\
Boots Tern and runs PROGRAM in it, a Linux program of the guest's root: that of Debian's
busybox-static, with what --root, --file and --package add. Between terminals it has a tty, else
plain pipes; its files are in memory and go with it."""
RUN_STATUS = """\
exit status: that of the program, 128+n if signal n ended it; 124 after --timeout, 125 if tern,
QEMU or the guest failed, 126 if PROGRAM cannot be executed, 127 if it is not found."""
SHELL_TEXT = "Boots Tern to a shell of Debian's busybox; `exit` or Ctrl-D ends it."
SHELL = ["busybox", "sh", "-l"]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOG_LINES = 30  # of a failed guest's log that are shown


def add_commands(commands, add_command):
    """The parsers of both commands; options of the kernel are added by the caller."""
    run_ = add_command(commands, "run", "run a Linux program", RUN_TEXT, RUN_STATUS)
    run_.usage = "tern run [OPTION]... -- PROGRAM ARG..."
    shell_ = add_command(commands, "shell", "an interactive shell", SHELL_TEXT, RUN_STATUS)
    for parser in (run_, shell_):
        add_guest_options(parser)
    return run_, shell_


def add_guest_options(parser):
    parser.add_argument("--smp", type=int, metavar="N", help="CPUs (default: 2, with --icount 1)")
    parser.add_argument("--memory", default="512M", metavar="SIZE", help="default: 512M")
    parser.add_argument("--icount", action="store_true",
                        help="count instructions: the clock is their number, runs repeat exactly")
    parser.add_argument("--append", default="", metavar="WORDS", help="kernel command line")
    parser.add_argument("--package", action="append", default=[], metavar="NAME",
                        help="add a Debian package and what it needs")
    parser.add_argument("--root", metavar="DIR", help="add all that is in this folder")
    parser.add_argument("--file", action="append", default=[], metavar="HOST[:GUEST]",
                        help="add a file (default: under its name in /)")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE",
                        help="a variable of the program's environment")
    parser.add_argument("--cwd", default="/root", metavar="DIR",
                        help="where the program begins (default: /root)")
    parser.add_argument("--missing", action="store_true",
                        help="list the calls that the program asked for and did not get")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="stop after S seconds")
    parser.add_argument("--dry-run", action="store_true", help="print the QEMU command and leave")


def run(options, arguments):
    if not arguments:
        raise TernError("no program: write ./tern run -- PROGRAM ARG...")
    return run_program(options, arguments)


def shell(options, arguments):
    if arguments:
        raise TernError("tern shell takes no program: that is ./tern run -- PROGRAM ARG...")
    return run_program(options, SHELL)


def run_program(options, arguments):
    """The exit status of the program, with whatever there is to say about it on stderr."""
    hold_standard_files()
    user_terminal = terminal()
    machine = machine_of(options)
    kernel = kernel_of(machine)
    if options.dry_run:
        print(shlex.join(qemu.command(machine, kernel, "MODULE")))
        return 0
    qemu.check_installed(machine.arch)
    require_files([kernel])
    linux = linux_of(options)
    request = system.request_bytes(arguments, environment(options.env, user_terminal),
                                   guest_path(options.cwd),
                                   user_terminal and user_terminal.size(), options.missing)
    session = Session(user_terminal, options.timeout)
    folder = make_folder()
    try:
        module = os.path.join(folder, "module")
        system.write_module(module, machine.arch, machine.build, linux, request, machine.icount)
        machine.serial = "file:" + qemu.escape(os.path.join(folder, "serial.log"))
        with open(os.path.join(folder, "qemu.log"), "wb") as log:
            status = session.run(qemu.command(machine, kernel, module), log)
        os.unlink(module)
        report(session, folder, options.missing)
    finally:
        if not session.failed:
            shutil.rmtree(folder, ignore_errors=True)
    return status


def machine_of(options):
    """A panic ends QEMU, as in tests: nobody is at the kernel's own line."""
    smp = options.smp if options.smp is not None else 1 if options.icount else 2
    return complete(check(Machine(
        arch=options.arch, build=options.build, kernel=options.kernel, smp=smp, test=True,
        memory=options.memory, icount=options.icount, append=options.append, serial="none")))


def linux_of(options):
    """The guest's root: packages, then the user's folder, then the user's files."""
    linux = packages.linux_tree(options.arch, options.package)
    if options.root is not None:
        left_out = tree.put_folder(linux, options.root)
        if left_out:
            say(f"devices are left out: {' '.join(left_out)}")
    for words in options.file:
        put_file(linux, words)
    return linux


def put_file(linux, words):
    """--file HOST[:GUEST]; a GUEST that is a folder gets the file under its own name."""
    host, _, guest = words.partition(":")
    name = os.path.basename(host)
    guest = guest or "/"
    path = guest_path(guest).lstrip("/")
    if guest.endswith("/") or linux.is_folder(path):
        path = posixpath.join(path, name)
    try:
        status = os.stat(host)
    except OSError as error:
        raise TernError(f"--file {host}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise TernError(f"--file {host} is no file (--root DIR adds what is in a folder)")
    linux.put(path, tree.Node("file", stat.S_IMODE(status.st_mode), int(status.st_mtime),
                              source=host))


def guest_path(text):
    """A path of the guest, from its root on."""
    return "/" + posixpath.normpath("/" + text).lstrip("/")


def environment(given, user_terminal):
    """What the program finds in its environment; what the user gives comes over it."""
    values = {"PATH": PATH, "HOME": "/root", "USER": "root"}
    if user_terminal:
        values["TERM"] = os.environ.get("TERM", "vt100")
    for words in given:
        name, equals, value = words.partition("=")
        if not name or not equals:
            raise TernError(f"--env {words}: write NAME=VALUE")
        values[name] = value
    return values


def make_folder():
    os.makedirs(RUNS, exist_ok=True)
    media.remove_stale(RUNS, STALE_SECONDS)
    return tempfile.mkdtemp(prefix="run-", dir=RUNS)


def report(session, folder, missing):
    """All that is said about a run, on stderr, the sentence last."""
    if session.failed:
        for name in ("qemu.log", "serial.log"):
            show_end(os.path.join(folder, name))
    if missing:
        for name, count in session.missing:
            say(f"missing: {name}, {count} times")
        if not session.missing:
            say("missing: nothing")
    if session.words:
        say(session.words)


def show_end(path):
    """The last lines of a log, whatever bytes are in it."""
    if not os.path.exists(path) or not os.path.getsize(path):
        return
    with open(path, "rb") as file:
        lines = file.read().decode(errors="replace").replace("\r", "").splitlines()
    if len(lines) > LOG_LINES:
        lines = [f"(all {len(lines)} lines are in {os.path.relpath(path, ROOT)})",
                 *lines[-LOG_LINES:]]
    print(*lines, sep="\n", file=sys.stderr, flush=True)
