"""One boot by `./tern boot`: its exit status and everything that it printed."""
import os
import selectors
import subprocess
import time
from dataclasses import dataclass

from tern.paths import ROOT

PROMPT = "tern> "
GRACE_SECONDS = 15  # after tern's own time limit, which should end it first


@dataclass
class Result:
    status: int
    output: str
    seconds: float


def boot(options, timeout, typed=()):
    """Boots; each of the lines `typed` is sent when the monitor's prompt appears."""
    line = [os.path.join(ROOT, "tern"), "boot", "--timeout", str(timeout), *options]
    start = time.monotonic()
    tern = subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE if typed else subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
    try:
        output = converse(tern, list(typed), start + timeout + GRACE_SECONDS)
        tern.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass  # ended below; its status is then that of the signal
    finally:
        if tern.poll() is None:
            tern.terminate()  # tern ends QEMU on its way out
            tern.wait()
        tern.stdout.close()
        if tern.stdin:
            tern.stdin.close()
    return Result(tern.returncode, output.decode("utf-8", "replace"), time.monotonic() - start)


def converse(tern, typed, deadline):
    """Reads until the end of the output, or the deadline, and types at each new prompt."""
    output, answered = b"", 0
    with selectors.DefaultSelector() as ready:
        ready.register(tern.stdout, selectors.EVENT_READ)
        while True:
            if not ready.select(max(0.0, deadline - time.monotonic())):
                return output + b"\n(the harness stopped it: no end)\n"
            piece = os.read(tern.stdout.fileno(), 65536)
            if not piece:
                return output
            output += piece
            if typed and output.rstrip(b"\0").endswith(PROMPT.encode()) and answered < len(output):
                answered = len(output)
                os.write(tern.stdin.fileno(), typed.pop(0).encode() + b"\n")
