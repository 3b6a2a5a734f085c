"""One run of a guest's program: from QEMU's start to the exit status that `tern` hands on.

Life cycle: signals are caught first; QEMU starts; the guest says `ready`, and then the terminal
becomes raw and bytes flow; the guest says how the program ended (or is gone, or too late, or
somebody signals us); QEMU is ended by its pid, all that it wrote before is written out, and the
terminal and the signals are as they were. Everything that happens is an event of one queue, taken
in attend() alone: signals too, so that none of them breaks off anything in its middle.
"""
import ctypes
import queue
import signal
import subprocess
import time

from . import ports
from .paths import TernError
from .run import TERN_FAILED, TIMED_OUT, decode, end_process
from .terminal import STDERR, STDIN, STDOUT

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as a shell says it
ENDING_SECONDS = 5  # for a QEMU that has closed its sockets
STUCK_SECONDS = 1  # how long what was written is taken out after a signal or the time limit
SIGNALS_MOST = 64
PR_SET_PDEATHSIG = 1


class Session:
    """What is known of a run."""

    def __init__(self, terminal=None, timeout=None):
        self.terminal, self.timeout = terminal, timeout
        self.limit = None if timeout is None else time.monotonic() + timeout
        self.events = queue.SimpleQueue()
        self.ports = None
        self.open = {ports.OUT, ports.ERR}  # what has not ended yet
        self.ready = False
        self.status = None  # the exit status, once it is known
        self.words = None  # a sentence about it for the user
        self.failed = False  # the guest, not its program: its log is worth a look
        self.gone = False  # QEMU has ended by itself, without an end of the program
        self.missing = []  # [(name, count)] of calls that the program did not get

    def run(self, line, log):
        """Runs QEMU with this command line and the ports; what it says goes into the file `log`.
        Returns the exit status."""
        before = {number: signal.signal(number, self.on_signal)
                  for number in (*SIGNALS, signal.SIGWINCH)}
        try:
            self.run_qemu(line, log)
        finally:
            if self.terminal:
                self.terminal.restore()
            for number, handler in before.items():
                signal.signal(number, handler)
        return self.status

    def run_qemu(self, line, log):
        self.ports = ports.Ports()
        try:
            # In a session of its own, so that Ctrl-C at our terminal is ours alone.
            qemu = subprocess.Popen(line + self.ports.qemu_options(), stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log, start_new_session=True,
                                    pass_fds=self.ports.their_files(), preexec_fn=end_with_parent)
        except OSError as error:
            raise TernError(f"{line[0]} did not start: {error.strerror}") from error
        finally:
            self.ports.close_theirs()
        try:
            self.ports.listen(self.events)
            self.attend(lambda: self.status is not None)
        finally:
            self.ports.stop()
            self.end_qemu(qemu)
        if self.ready:
            self.attend(lambda: not self.open)

    def end_qemu(self, qemu):
        """What has ended by itself says with which status."""
        if self.gone:
            try:
                _, words = decode(qemu.wait(ENDING_SECONDS), test=True, reset=False)
                self.words += ": " + (words or "the machine was switched off")
            except subprocess.TimeoutExpired:
                pass
        end_process(qemu)

    def attend(self, done):
        """Takes events until `done`, or until there is no time left."""
        while not done():
            left = None if self.limit is None else max(0.0, self.limit - time.monotonic())
            try:
                kind, value = self.events.get(timeout=left)
            except queue.Empty:
                if self.status is not None:
                    return
                self.be_late()
            else:
                getattr(self, "take_" + kind)(value)

    def be_late(self):
        """A guest that was not even ready has failed."""
        self.failed = not self.ready
        self.end(TIMED_OUT, f"no end within {self.timeout:g} seconds: QEMU was stopped")
        self.hurry()

    def end(self, status, words=None):
        """The first end counts."""
        if self.status is None:
            self.status, self.words = status, words

    def hurry(self):
        self.limit = time.monotonic() + STUCK_SECONDS

    def fail(self, words):
        self.failed = True
        self.end(TERN_FAILED, words)

    def on_signal(self, number, _frame):
        self.events.put(("signal", number))

    def take_signal(self, number):
        if number == signal.SIGWINCH:
            self.say_size()
        else:
            self.end(128 + number)
            self.hurry()

    def say_size(self):
        if self.terminal:
            self.ports.say("size {} {}".format(*self.terminal.size()))

    def take_gone(self, _value):
        if self.status is None:
            self.gone = True
            self.fail("the guest ended without the end of the program" if self.ready
                      else "the guest ended before it was ready")

    def take_ended(self, name):
        self.open.discard(name)

    def take_broken(self, error):
        """Nobody reads our output: the program's own end would be a SIGPIPE."""
        if isinstance(error, BrokenPipeError):
            self.end(128 + signal.SIGPIPE)
        else:  # what is lost matters more than the program's own end
            self.status = TERN_FAILED
            self.words = f"the program's output could not be written: {error.strerror}"

    def take_line(self, text):
        word, _, rest = text.partition(" ")
        take = LINES.get(word)
        if self.status is None and (take is None or not take(self, rest)):
            self.fail(f"the guest said {text!r} on {ports.CONTROL}, which means nothing")

    def line_ready(self, rest):
        if rest or self.ready:
            return False
        if self.terminal:
            self.terminal.make_raw()
            self.say_size()
        self.be_ready()
        return True

    def be_ready(self):
        """From here on bytes flow: not before, or the first ones would meet a cooked terminal."""
        self.ready = True
        self.ports.carry(self.events, STDIN, STDOUT, STDERR)

    def line_exit(self, rest):
        return self.end_number(rest, 0, 255, 0)

    def line_signal(self, rest):
        return self.end_number(rest, 1, SIGNALS_MOST, 128)

    def end_number(self, text, least, most, more):
        number = number_of(text)
        if number is None or not least <= number <= most:
            return False
        self.end(more + number)
        return True

    def line_missing(self, rest):
        name, _, count = rest.rpartition(" ")
        if not name or number_of(count) is None:
            return False
        self.missing.append((name, int(count)))
        return True

    def line_error(self, rest):
        """`error 127 TEXT`: the program was not found, or 126, it is none; `error TEXT`: any other
        reason why it did not run."""
        first, _, words = rest.partition(" ")
        if number_of(first) in (NOT_EXECUTABLE, NOT_FOUND):
            self.end(number_of(first), words)
        else:
            self.end(TERN_FAILED, rest)
        return True


LINES = {"ready": Session.line_ready, "exit": Session.line_exit, "signal": Session.line_signal,
         "missing": Session.line_missing, "error": Session.line_error}


def end_with_parent():
    """Called in the child that becomes QEMU: a tern that is killed leaves no QEMU behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def number_of(text):
    """The number that the guest wrote, or None."""
    return int(text) if text.isascii() and text.isdigit() else None
