"""The user's terminal: raw while a guest's program has it, as it was before and after.

There is one if stdin and stdout both are terminals; else a run goes by pipes, and nothing here is
touched. Raw means that every key is a byte for the guest, Ctrl-C too, and that every byte of the
guest reaches the screen as it is: its own tty does the rest.
"""
import os
import termios
import tty

STDIN, STDOUT, STDERR = 0, 1, 2


class Terminal:
    """Made before anything changes; restore() may be called at any time, and again."""

    def __init__(self):
        self.before = termios.tcgetattr(STDIN)
        self.is_raw = False

    def make_raw(self):
        """Keys typed before are kept for the guest."""
        self.is_raw = True
        tty.setraw(STDIN, termios.TCSANOW)

    def restore(self):
        """Does not wait for a screen that takes nothing; a terminal that is gone stays gone."""
        if not self.is_raw:
            return
        try:
            termios.tcsetattr(STDIN, termios.TCSANOW, self.before)
        except termios.error:
            pass
        self.is_raw = False

    @staticmethod
    def size():
        """(rows, columns); a terminal that does not know says 0, and gets the usual."""
        size = os.get_terminal_size(STDOUT)
        return (size.lines or 24, size.columns or 80)


def terminal():
    """The terminal of this run, or None."""
    return Terminal() if os.isatty(STDIN) and os.isatty(STDOUT) else None


def hold_standard_files():
    """A closed stdin, stdout or stderr becomes /dev/null, so that no socket gets its number."""
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
