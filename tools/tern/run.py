"""One run of QEMU: from the start of the process to the exit status that `tern` hands on.

QEMU is started with its serial line on our terminal, its error output read by a thread that also
shows it, and a control socket (QMP) on which it says why the guest stopped: a guest that resets
itself (reboot, or a triple fault) and one that powers off both end QEMU with status 0. Whatever
happens (time limit, Ctrl-C, SIGTERM), QEMU is ended by its pid and waited for, and the terminal's
state is put back.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import termios
import threading

TIMED_OUT = 124
TERN_FAILED = 125  # also: QEMU failed; the kernel's own statuses are small
GUEST_RESET = 123  # a test boot ended by a reset that nobody asked for
DEBUG_EXIT = 0x41  # QEMU's status for the kernel's status 0; each further one adds 2
STATUS_WORDS = {0: "clean", 1: "a self test failed", 2: "panic"}


def seconds(text):
    """A time of more than 0."""
    value = float(text)
    if not value > 0:
        raise ValueError(text)
    return value


def run(line, timeout=None, test=False, reboot_expected=False):
    """Runs QEMU to its end and returns tern's exit status, said in words on stderr if not 0."""
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)  # else our socket would become QEMU's standard input
    ours, theirs = socket.socketpair()
    line = line + ["-chardev", f"socket,id=control,fd={theirs.fileno()}",
                   "-mon", "chardev=control,mode=control"]
    terminal = save_terminal()
    previous = signal.signal(signal.SIGTERM, stop_on_signal)
    with ours:
        try:
            with theirs:
                qemu = subprocess.Popen(line, stdin=None if sys.stdin else subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, pass_fds=[theirs.fileno()],
                                        text=True, errors="replace")
            code, reset = attend(qemu, ours, timeout)
        finally:
            signal.signal(signal.SIGTERM, previous)
            restore_terminal(terminal)
    if code is None:
        say(f"no end within {timeout:g} seconds: QEMU was stopped")
        return TIMED_OUT
    status, words = decode(code, test, reset and not reboot_expected)
    if words:
        say(words)
    return status


def attend(qemu, control, timeout):
    """Waits for QEMU; returns its status (None: out of time) and whether the guest reset."""
    reasons = []
    readers = [threading.Thread(target=show_errors, args=(qemu.stderr,), daemon=True),
               threading.Thread(target=read_control, args=(control, reasons), daemon=True)]
    try:
        for reader in readers:
            reader.start()
        code = qemu.wait(timeout)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        ask_to_quit(qemu, control)
        end_process(qemu)
        for reader in readers:
            reader.join()
        qemu.stderr.close()
    return code, "guest-reset" in reasons


def ask_to_quit(qemu, control):
    """The quiet way to end QEMU; end_process() is for one that does not listen."""
    if qemu.poll() is not None:
        return
    try:
        control.sendall(b'{"execute": "quit"}\n')
        qemu.wait(2)
    except (OSError, subprocess.TimeoutExpired):
        pass


def end_process(process):
    """Ends the process if it still runs, and waits for it."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def show_errors(stream):
    for text in stream:
        sys.stderr.write(text)
        sys.stderr.flush()


def read_control(control, reasons):
    """Collects the reasons of QEMU's SHUTDOWN events until QEMU closes the socket."""
    try:
        control.sendall(b'{"execute": "qmp_capabilities"}\n')
        with control.makefile("r", encoding="utf-8") as stream:
            for text in stream:
                message = json.loads(text)
                if message.get("event") == "SHUTDOWN":
                    reasons.append(message["data"].get("reason"))
    except (OSError, ValueError):
        pass  # QEMU left in mid-sentence; its exit status says the rest


def decode(code, test, reset):
    """tern's exit status for QEMU's, and a sentence where there is something to say."""
    if code < 0:
        return TERN_FAILED, f"QEMU was ended by signal {-code}"
    if reset:
        words = "the guest reset itself: a reboot, or a triple fault"
        return (GUEST_RESET if test else 0), words
    if code == 0:
        return 0, None
    if test and code >= DEBUG_EXIT and (code - DEBUG_EXIT) % 2 == 0:
        status = (code - DEBUG_EXIT) // 2
        words = STATUS_WORDS.get(status, "not a status that Tern uses")
        return status, (f"the kernel left with status {status}: {words}" if status else None)
    return TERN_FAILED, f"QEMU failed with status {code}"


def stop_on_signal(number, _frame):
    """Turns a signal into an exception, so that the `finally` clauses end QEMU."""
    raise SystemExit(128 + number)


def save_terminal():
    return termios.tcgetattr(sys.stdin) if is_terminal() else None


def restore_terminal(state):
    """QEMU sets the terminal to raw mode, and leaves it so if it is killed."""
    if state is not None:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, state)


def is_terminal():
    return sys.stdin is not None and sys.stdin.isatty()


def say(words):
    print(f"tern: {words}", file=sys.stderr, flush=True)
