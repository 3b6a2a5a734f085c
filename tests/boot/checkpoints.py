#!/usr/bin/env python3
"""A job goes from machine to machine: its checkpoint leaves one boot and is restored in the next.

    python3 tests/boot/checkpoints.py [--arch A] [--build B] [--boots N] [--rounds N] [--seed N]

Each boot has another count of CPUs, memory size and clock, and another seed for the instants of its
`rounds` checkpoints in the same boot and for the order in which objects are made again. The stream
comes out over the console and goes in as a boot module (tests/guest/checkpoint.c). In the end a
stream with one bit changed must be refused. The seed is printed; with it everything is chosen
again, apart from what the host's load does to the instants.
"""
import argparse
import base64
import binascii
import os
import random
import re
import sys
import tempfile
import time

import matrix  # noqa: F401  (first: it makes tools/tern importable)
from guest import boot
from screen import plain_text
from tern.paths import BUILD

TIMEOUT = 300
TAIL_LINES = 25
CPUS = (1, 2, 4)
MEMORY = ("128M", "256M", "512M", "1G")
PASSED = re.compile(r"(?m)^[1-9]\d* passed, 0 failed")


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--arch", default=os.environ.get("ARCH", "x86_64"),
                        choices=("x86_64", "aarch64"))
    parser.add_argument("--build", default="debug", choices=("debug", "release"))
    parser.add_argument("--boots", type=int, default=3, help="the first, and fresh ones (3)")
    parser.add_argument("--rounds", type=int, default=2, help="checkpoints within each boot (2)")
    parser.add_argument("--seed", type=int, default=None)
    return parser.parse_args(words)


class Chain:
    """The boots, one after the other, and what goes from each to the next."""

    def __init__(self, options, folder):
        self.options = options
        self.chance = random.Random(options.seed)
        self.module = os.path.join(folder, "stream")
        self.program = os.path.join(BUILD, options.arch, options.build, "user", "checkpoint.elf")
        self.machine = None
        self.out = 0

    def next_machine(self):
        """Never the same CPUs and memory as the last one."""
        last = self.machine
        while self.machine is None or last and any(a == b for a, b in zip(last, self.machine)):
            clock = time.gmtime(self.chance.randrange(10 ** 9, 2 * 10 ** 9))
            self.machine = (self.chance.choice(CPUS), self.chance.choice(MEMORY),
                            time.strftime("%Y-%m-%dT%H:%M:%S", clock))
        return self.machine

    def boot(self, words, module):
        cpus, memory, clock = self.next_machine()
        words = f"seed={self.chance.randrange(1, 2 ** 32)} out={self.out} {words}"
        result = boot(["--arch", self.options.arch, "--build", self.options.build, "--test",
                       "--smp", str(cpus), "--memory", memory, "--root", self.program,
                       *(["--module", self.module] if module else []), "--append", words,
                       "--", "-rtc", f"base={clock}"], TIMEOUT)
        said = plain_text(result.output)
        fine = result.status == 0 and PASSED.search(said) and "panic" not in said.lower()
        return fine, f"{cpus} CPUs, {memory}, clock {clock}, {words}", said, result.seconds

    def take(self, said):
        """Keeps the stream that a boot wrote; a complaint if it is none."""
        begin = re.search(r"(?m)^stream begins: (\d+) bytes$", said)
        end = re.search(r"(?m)^stream ends: out=(\d+)$", said)
        if not begin or not end:
            return "no stream came out"
        try:
            stream = b"".join(base64.b64decode(line[1:], validate=True)
                              for line in said[begin.end():end.start()].splitlines()
                              if line.startswith("@"))
        except binascii.Error as error:
            return f"a line of the stream is damaged: {error}"
        stream = stream[:int(begin[1])]
        if len(stream) != int(begin[1]):
            return f"{len(stream)} bytes of the stream came, not {begin[1]}"
        self.out = int(end[1])
        with open(self.module, "wb") as file:
            file.write(stream)
        return None

    def damage(self):
        """One bit behind the header, which would be seen for itself."""
        with open(self.module, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(self.chance.randrange(64, size))
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1 << self.chance.randrange(8)]))


def report(name, fine, what, said, seconds):
    print(f"{'ok' if fine else 'FAIL':4} checkpoint {name}: {what} ({seconds:.1f} s)", flush=True)
    if not fine:
        lines = [line for line in said.splitlines() if not line.startswith("@")]
        print("\n".join(f"     | {line}" for line in lines[-TAIL_LINES:]), flush=True)


def run(chain, boots, rounds):
    """Returns how many boots passed, and how many failed: the chain ends with the first."""
    for number in range(boots):
        words = f"rounds={rounds} export" + (" import" if number else "")
        fine, what, said, seconds = chain.boot(words, number > 0)
        complaint = chain.take(said) if fine else None
        if complaint:
            fine, said = False, said + "\n" + complaint
        report(f"boot {number}", fine, what, said, seconds)
        if not fine:
            return number, 1
    chain.damage()
    fine, what, said, seconds = chain.boot("import refused", True)
    report("damaged", fine, what, said, seconds)
    return boots + bool(fine), int(not fine)


def main(words):
    options = parse(words)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1, 2 ** 32)
    print(f"checkpoints: --arch {options.arch} --seed {options.seed}: {options.boots} boots, "
          f"{options.boots * options.rounds} times within one, {options.boots - 1} times into a "
          "fresh one", flush=True)
    os.makedirs(BUILD, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="checkpoints-", dir=BUILD) as folder:
        passed, failed = run(Chain(options, folder), options.boots, options.rounds)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
