#!/usr/bin/env python3
"""Takes QEMU's place in test_run.py: gets its command line and sockets, and plays a guest.

It reads the request from the boot module, as a guest would; the program's name is the name of the
play below, the program's arguments are the play's. A play returns QEMU's exit status.
"""
import io
import json
import os
import re
import socket
import sys
import tarfile
import time

PAGE = 4096
INIT = b"INIT"  # the content of init.elf, as test_run.py makes it


def following(line, option):
    return [b for a, b in zip(line, line[1:]) if a == option]


class Guest:
    """Ports by name, the request as [(key, value)], and the members of the archive."""

    def __init__(self, line):
        self.line = line
        files = dict(re.fullmatch(r"socket,id=(\S+),fd=(\d+)", each).groups()
                     for each in following(line, "-chardev"))
        names = [re.fullmatch(r"virtserialport,chardev=(\S+),name=(\S+)", each).groups()
                 for each in following(line, "-device") if each.startswith("virtserialport")]
        self.ports = {name: socket.socket(fileno=int(files[chardev])) for chardev, name in names}
        with open(following(line, "-initrd")[0], "rb") as file:
            module = file.read()
        assert module.startswith(INIT.ljust(PAGE, b"\0"))
        self.archive = tarfile.open(fileobj=io.BytesIO(module[PAGE:]))
        words = self.content("tern/request").decode().split("\0")
        assert words.pop() == ""
        self.request = [tuple(word.split("=", 1)) for word in words]
        self.words = [value for key, value in self.request if key == "arg"]
        self.log, = (word[5:] for word in following(line, "-serial"))

    def content(self, name):
        return self.archive.extractfile(name).read()

    def say(self, text):
        self.ports["tern.control"].sendall(text.encode() + b"\n")

    def out(self, data):
        self.ports["tern.out"].sendall(data)

    def write_log(self, text):
        with open(self.log, "w", encoding="utf-8") as file:
            file.write(text)


def play_echo(guest, *_words):
    guest.say("ready")
    while data := guest.ports["tern.in"].recv(1000):
        guest.out(data)
    guest.say("exit 0")
    return time.sleep(1000)


def play_keys(guest, *_words):
    """What is typed comes back as numbers, until q; then the sizes that were heard of."""
    guest.say("ready")
    guest.out(b"begin\r\n")
    key = b""
    while key != b"q":
        key = guest.ports["tern.in"].recv(1)
        guest.out(b"<%d>" % key[0])
    guest.out(guest.ports["tern.control"].recv(1000))
    guest.say("exit 0")
    return time.sleep(1000)


def play_say(guest, *words):
    """Each word a line on the control port."""
    for word in words:
        guest.say(word)
    return time.sleep(1000)


def play_ready_then(guest, *words):
    guest.say("ready")
    return play_say(guest, *words)


def play_streams(guest, *_words):
    guest.say("ready")
    guest.ports["tern.err"].sendall(b"to err\n")
    guest.out(b"to out\n")
    guest.say("exit 3")
    return time.sleep(1000)


def play_huge(guest, count, *_words):
    """As a guest does it: `exit` is said when all of the output was taken."""
    guest.say("ready")
    for number in range(int(count)):
        guest.out(number.to_bytes(4, "big") * 1024)
    guest.say("exit 0")
    return time.sleep(1000)


def play_pid(guest, *_words):
    guest.say("ready")
    guest.out(b"%d\n" % os.getpid())
    return time.sleep(1000)


def play_deaf(guest, *_words):
    """Reads no input at all."""
    guest.say("ready")
    time.sleep(0.5)
    guest.say("exit 5")
    return time.sleep(1000)


def play_die(guest, status, *words):
    """The lines, and then death; the last of `words` has no line end."""
    guest.write_log("kernel: begin\r\n" + "kernel: more\r\n" * 50 + "kernel: panic\r\n")
    for word in words[:-1]:
        guest.say(word)
    if words:
        guest.ports["tern.control"].sendall(words[-1].encode())
    if int(status) < 0:
        os.kill(os.getpid(), -int(status))
    return int(status)


def play_complain(_guest, *_words):
    print("qemu-system-x: no such device", file=sys.stderr)
    return 1


def play_describe(guest, *_words):
    """The request, the command line and the archive, as JSON."""
    members = {each.name: [each.mode, each.linkname] for each in guest.archive.getmembers()}
    files = {name: guest.content(name).decode() for name in members
             if name.startswith(("root/given", "tern/bin/", "tern/init.conf"))
             and guest.archive.getmember(name).isfile()}
    guest.say("ready")
    guest.out(json.dumps({"request": guest.request, "line": guest.line, "members": members,
                          "files": files, "seed": guest.content("tern/seed").hex()}).encode())
    guest.say("exit 0")
    return time.sleep(1000)


PLAYS = {name[5:]: play for name, play in globals().items() if name.startswith("play_")}


def main(line):
    if "--version" in line:
        print("QEMU emulator version 7.2.0")
        return 0
    guest = Guest(line)
    return PLAYS.get(guest.words[0], play_echo)(guest, *guest.words[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv))
