"""A copy of the repository in which the real `tern` runs with a fake guest in QEMU's place, for
test_run.py and test_run_terminal.py: its kernel and programs are a few bytes.
"""
import atexit
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import termios
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

from tern import packages  # noqa: E402  (the path above must come first)

SECONDS = 60  # for what should take one
PROGRAMS = ("init", "linux", "uart")
MANIFEST = "program linux\n    memory 16M\nprogram uart0\n    file tern/bin/uart\n"


class Copy:
    """Made once for all tests of a module, and removed when they end."""

    def __init__(self):
        folder = tempfile.TemporaryDirectory(prefix="tern-test-")
        atexit.register(folder.cleanup)
        self.root = os.path.realpath(folder.name)
        packages.linux_tree("x86_64", [])  # so that build/pkg has what every run needs
        shutil.copy(os.path.join(ROOT, "tern"), self.root)
        for folder in ("tools/tern", "tools/root"):
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(self.root, folder))
        self.write("build/x86_64/debug/tern.elf", "KERNEL")
        for name in PROGRAMS:
            text = "INIT" if name == "init" else "program " + name
            self.write(f"build/x86_64/debug/user/{name}.elf", text)
        self.write("servers/init/init.conf", MANIFEST)
        os.symlink(os.path.join(ROOT, "build", "pkg"), os.path.join(self.root, "build", "pkg"))
        os.mkdir(os.path.join(self.root, "bin"))
        os.symlink(os.path.join(ROOT, "tests", "unit", "fake_guest.py"),
                   os.path.join(self.root, "bin", "qemu-system-x86_64"))
        self.environment = dict(os.environ, ARCH="x86_64", TERM="fancy",
                                PATH=os.path.join(self.root, "bin") + ":" + os.environ["PATH"])

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def line(self, *words):
        """The command line of `tern`: options, and the play after "--"."""
        return [os.path.join(self.root, "tern"), *words]

    def start(self, *words, **options):
        return subprocess.Popen(self.line(*words), env=self.environment, **options)

    def run(self, *words, given=b"", **options):
        return subprocess.run(self.line("run", *words), env=self.environment, input=given,
                              capture_output=True, timeout=SECONDS, check=False, **options)

    def runs(self):
        """The folders of runs that are left."""
        folder = os.path.join(self.root, "build", "run")
        return sorted(os.listdir(folder)) if os.path.exists(folder) else []


THE_COPY = Copy()


class OnTerminal:
    """`tern` of the copy with a pseudo-terminal as its controlling terminal."""

    def __init__(self, *words, rows=30, columns=100):
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (rows, columns))
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        slave = self.slave

        def own_terminal():
            os.setsid()
            os.close(os.open(os.ttyname(slave), os.O_RDWR))

        self.tern = THE_COPY.start(*words, stdin=slave, stdout=slave, stderr=slave,
                                   preexec_fn=own_terminal)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.tern.poll() is None:
            self.tern.kill()
        self.tern.wait()
        os.close(self.master)
        os.close(self.slave)

    def wait(self, text):
        limit = time.monotonic() + SECONDS
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, limit - time.monotonic()))
            if not ready:
                raise AssertionError(f"{text!r} did not come: {self.seen!r}")
            self.seen += os.read(self.master, 4096)

    def type(self, keys):
        os.write(self.master, keys)

    def end(self):
        """The exit status, when the terminal is as it was."""
        status = self.tern.wait(SECONDS)
        if termios.tcgetattr(self.slave) != self.before:
            raise AssertionError("the terminal is not as it was")
        return status

    def is_raw(self):
        flags = termios.tcgetattr(self.slave)
        return not flags[3] & (termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN) \
            and not flags[1] & termios.OPOST
