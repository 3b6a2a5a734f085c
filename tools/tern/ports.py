"""The four ports between a guest's program and us (decision 0022), and what carries their bytes.

Each port is a socket pair: QEMU has one end as a character device of a virtio serial port. Bytes
are carried by a thread each, which blocks where its reader or writer does; so a slow reader stops
the guest, and a guest that reads nothing stops our reading. All of them report to one queue of
(kind, value) events, and nobody but its reader decides anything:

    ("line", text)      the guest said a line on tern.control
    ("gone", None)      nobody is at the other end of tern.control: QEMU has ended
    ("ended", name)     all that came from this port is written
    ("broken", error)   our stdout or stderr takes nothing any more
"""
import os
import select
import socket
import threading

CHUNK = 1 << 16
IN, OUT, ERR, CONTROL = PORTS = ("tern.in", "tern.out", "tern.err", "tern.control")


class Ports:
    """Both ends of each port until QEMU has its own; then ours."""

    def __init__(self):
        pairs = {name: socket.socketpair() for name in PORTS}
        self.ours = {name: pair[0] for name, pair in pairs.items()}
        self.theirs = {name: pair[1] for name, pair in pairs.items()}
        self.stop_read, self.stop_write = os.pipe()

    def qemu_options(self):
        """The device, and its ports under their names."""
        line = ["-device", "virtio-serial-pci"]
        for name, end in self.theirs.items():
            line += ["-chardev", f"socket,id={name},fd={end.fileno()}",
                     "-device", f"virtserialport,chardev={name},name={name}"]
        return line

    def their_files(self):
        return [end.fileno() for end in self.theirs.values()]

    def close_theirs(self):
        """After QEMU's start, so that its end is the end of the sockets."""
        for end in self.theirs.values():
            end.close()

    def listen(self, events):
        """Begins to take the guest's lines."""
        begin(read_lines, self.ours[CONTROL], events)

    def carry(self, events, stdin, stdout, stderr):
        """Begins to carry what the program reads and writes."""
        begin(carry_out, self.ours[OUT], stdout, OUT, events)
        begin(carry_out, self.ours[ERR], stderr, ERR, events)
        begin(carry_in, stdin, self.ours[IN], self.stop_read)

    def say(self, text):
        """A line for the guest; one that reads none any more misses it."""
        try:
            self.ours[CONTROL].send(text.encode() + b"\n", socket.MSG_DONTWAIT)
        except OSError:
            pass

    def stop(self):
        """Ends the carrying of input, at once and without taking a byte more."""
        os.write(self.stop_write, b".")
        shut(self.ours[IN], socket.SHUT_RDWR)


def begin(function, *words):
    """A thread that ends with the command, wherever it stands."""
    threading.Thread(target=function, args=words, daemon=True).start()


def carry_in(source, port, stop):
    """At the end of our input the port is closed for writing only: QEMU then reads all that is
    there before it tells the guest, while it would throw that away if both directions closed."""
    try:
        while True:
            ready, _, _ = select.select([source, stop], [], [])
            if stop in ready:
                return
            data = read_some(source)
            if not data:
                break
            port.sendall(data)
    except OSError:
        pass  # QEMU has ended, or is about to
    shut(port, socket.SHUT_WR)


def read_some(source):
    """b"" at the end, which for a terminal that is gone is an error."""
    try:
        return os.read(source, CHUNK)
    except OSError:
        return b""


def carry_out(port, target, name, events):
    try:
        while data := receive(port):
            write_all(target, data)
    except OSError as error:
        events.put(("broken", error))
    events.put(("ended", name))


def receive(port):
    """b"" at the end, which is a reset if we had said something that QEMU did not read."""
    try:
        return port.recv(CHUNK)
    except ConnectionResetError:
        return b""


def write_all(target, data):
    """Also to a file that somebody else has made non-blocking."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(target, left):]
        except BlockingIOError:
            select.select([], [target], [])


def read_lines(port, events):
    """Half a line at the end was never said."""
    held = b""
    while data := receive(port):
        *lines, held = (held + data).split(b"\n")
        for line in lines:
            events.put(("line", line.decode(errors="replace")))
    events.put(("gone", None))


def shut(port, how):
    try:
        port.shutdown(how)
    except OSError:
        pass  # the other end was faster
