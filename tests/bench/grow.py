"""Figures of growth with CPUs, and of the longest stretches with interrupts off (for run.py).

grow.rate.N           calls and answers per second by N pairs of processes on N CPUs, in one boot, by
                      turns; grow.rate.ratio: how much two gain
grow.same.N.lines     cache lines that several CPUs use, written per call, in windows of 1000 calls
                      within each of N CPUs (lines.c, bench_grow.c)
grow.same.N.spins     turns spun for locks per call in such windows, from the kernel's counters
grow.cross.N.*        the same where each server is on another CPU than its client
irqoff.PROGRAM        instructions of the longest stretch with interrupts off while a program of
                      tests/guest or apps runs; `where`: in which call, and in which functions

The first have QEMU's threads side by side, and rates are as fast as the host. Stretches are counted
with one CPU and -icount, which repeats exactly, but for those of anchors.BY_THE_CLOCK.
"""
import json
import os
import re
import sys
from collections import Counter

import anchors
from common import ROOT, boot, name_of, plugin, release, say, symbols

sys.path.insert(0, os.path.join(ROOT, "tests", "boot"))
import devices  # pylint: disable=wrong-import-position

# Ranks of functions for irqoff.c: a stretch is named after its first one of the highest.
RANKS = ((r"(call|sys)_(?!now$)", 3), (r"enter_(call|reply_receive|send|signal|receive)$", 2),
         (r"thread_trap$", 2), (r"(trap_entry.*|user_interrupt|sched_idle)$", 1))


def grow(arch, words, cpus, qemu):
    """The lines of bench_grow.c, and what a plugin says, with QEMU's threads side by side."""
    program = release(arch, "user", "bench_grow.elf")
    output, errors = boot(arch, f"cpus={cpus} {words}",
                          ["--root", program, "--accel", "tcg,thread=multi"], cpus, qemu)
    return [json.loads(text) for text in re.findall(r"^(?:tern> )?(\{.*\})", output, re.M)], errors


def rates(arch):
    said, _ = grow(arch, "rates=1", 2, [])
    rate = {line["rate"]: round(1e9 * line["calls"] / line["ns"]) for line in said
            if "rate" in line}
    say("grow.rate.1", arch, rate[1], "calls/s", None, None)
    say("grow.rate.2", arch, rate[2], "calls/s", "twice grow.rate.1", 2 * rate[1])
    say("grow.rate.ratio", arch, round(rate[2] / rate[1], 2), "ratio", "CPUs", 2)


def per_call(value, calls):
    """Rounded, but never to 0."""
    return value if value == 0 else max(round(value / calls, 3), 0.001)


def lines_option(arch):
    """lines.c with the window of bench_grow.c."""
    at = {name: address for address, name in symbols(release(arch, "user", "bench_grow.elf"))}
    return f"{plugin('lines')},begin={at['bench_window_begin']:x},end={at['bench_window_end']:x}"


def shared(arch, errors, calls, each):
    """Lines written per window, each as often as there are calls at the most; and by and with what
    functions. A pair has `each` CPUs."""
    kernel, stores, where = symbols(release(arch, "tern.elf")), Counter(), set()
    for text in re.findall(r"^SHARED (.*)$", errors, re.M):
        line, _, pc, count, cpu, _, _, other, _ = text.split()
        stores[line, int(cpu) // each] += int(count)
        where.add(f"{name_of(kernel, int(pc, 16))} {name_of(kernel, int(other, 16))}")
    return sum(min(calls, count) for count in stores.values()), sorted(where)


def windows(arch, way, cpus):
    """Lines and spins per call: whether each is within its limit."""
    each = 2 if way == "cross" else 1
    said, errors = grow(arch, f"across={each - 1}", cpus, ["-plugin", lines_option(arch)])
    pairs = [line for line in said if "pair" in line]
    seen = re.findall(r"^WINDOW \d+ \d+ (\d+)$", errors, re.M)
    calls = pairs[0]["calls"] if pairs else 0
    if len(pairs) != cpus // each or len(seen) != cpus or min(map(int, seen)) < calls:
        raise SystemExit(f"bench: bench_grow with {cpus} CPUs: pairs {pairs}, stores {seen}")
    written, where = shared(arch, errors, calls, each)
    spun = sum(pair["spins"] for pair in pairs)
    name, all_calls = f"grow.{way}.{cpus}", calls * len(pairs)
    limits = [anchors.LIMITS.get(f"{name}.{what}", {}).get(arch) for what in ("lines", "spins")]
    return [say(f"{name}.lines", arch, per_call(written, all_calls), "lines/call", None, None,
                limits[0], **({"where": where} if way == "same" else {})),
            say(f"{name}.spins", arch, per_call(spun, all_calls), "turns/call", None, None,
                limits[1])]


def rank_file(arch):
    """The kernel's functions as irqoff.c wants them."""
    path = release(arch, "irqoff.symbols")
    with open(path, "w", encoding="ascii") as file:
        for address, name in symbols(release(arch, "tern.elf")):
            rank = next((rank for words, rank in RANKS if re.match(words, name)), 0)
            file.write(f"{address:x} {rank} {name[:63]}\n")
    return path


def stretch(arch, name, option):
    """The longest stretch while a program runs: True if it is within the limit."""
    counted = [] if name in anchors.BY_THE_CLOCK else ["--icount"]
    kind = devices.USUAL[arch]
    with devices.folder_with(devices.files(devices.FILES, name, kind)) as folder:
        words = devices.placed(devices.options(name, kind)[1:], folder)
        _, errors = boot(arch, "seed=1", [*counted, "--root", release(arch, "user", f"{name}.elf")],
                         qemu=[*words, "-plugin", option])
    found = [(int(length), where) for length, where in
             re.findall(r"^STRETCH (\d+) (.*)$", errors, re.M)]
    if not found:
        raise SystemExit(f"bench: irqoff.c saw nothing of {name}:\n{errors}")
    length, where = max(found)
    return say(f"irqoff.{name}", arch, length, "insn", "limit", anchors.IRQ_OFF, anchors.IRQ_OFF,
               where=where)


def programs(arch):
    """All that run by themselves, to the end: what others serve needs somebody to start it. Under
    icount an idle machine's clock runs ahead of the host's, so who waits for its devices gives up."""
    others = {name for folder in ("servers", "drivers", "tests/native")
              for name in os.listdir(os.path.join(ROOT, folder))} | {"bench_grow"}
    others |= set(devices.VIRTIO)
    return sorted(name[:-4] for name in os.listdir(release(arch, "user"))
                  if name.endswith(".elf") and name[:-4] not in others)


def figures(arch, pattern):
    """Prints those that `pattern` wants; whether each is within its limit."""
    within = []
    if pattern.search("grow.rate.1 grow.rate.2 grow.rate.ratio"):
        rates(arch)
    for way in ("same", "cross"):
        for cpus in (4, 8):
            if pattern.search(f"grow.{way}.{cpus}.lines grow.{way}.{cpus}.spins"):
                within += windows(arch, way, cpus)
    wanted = [name for name in programs(arch) if pattern.search(f"irqoff.{name}")]
    if wanted:
        option = f"{plugin('irqoff')},symbols={rank_file(arch)}"
        within += [stretch(arch, name, option) for name in wanted]
    return within
