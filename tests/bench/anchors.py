"""What others need for the same: guest instructions per operation, stub and loop included.

ANCHORS: seL4 16 (no MCS, fast path on, release, one core, no locks, mitigations and PCID off), by
name of the figure and CPU. `same` is one address space, `cross` two; from five words on seL4 leaves
its fast path. LIMITS: what a figure must not pass, for `run.py --check`.
"""


def _both(x86_64, aarch64):
    return {"x86_64": x86_64, "aarch64": aarch64}


ANCHORS = {
    "ipc.call_reply.cross.0": _both(415, 425),
    "ipc.call_reply.cross.4": _both(463, 474),
    "ipc.call_reply.cross.6": _both(1550, 1365),
    "ipc.call_reply.cross.64B": _both(1573, 1386),
    "ipc.call_reply.cross.512B": _both(2133, 1946),
    "ipc.call_reply.same.0": _both(411, 424),
    "ipc.call_reply.fpu.0": _both(443, 529),
    "ipc.send": _both(700, 634),
    "ipc.signal.none": _both(364, 339),
    "ipc.signal.wake": _both(511, 496),
    "ipc.signal.pingpong": _both(2001, 1913),
    "sys.null": _both(94, 95),
    "sys.badcap": _both(295, 273),
    "sched.yield.alone": _both(282, 312),
    "sched.yield.switch": _both(260, 276),
    "fault.round_trip": _both(1303, 1129),
    "irq.user": _both(388, 384),
    "mem.map": _both(734, 561),
}
# A third of what Linux 6.1 needs for the same: anon_fault and cow_fault per page,
# thread_create_join, fork_exit_wait.
THIRD_OF_LINUX = {"fault.anon": _both(1047, 993), "fault.cow": _both(1431, 1365),
                  "thread.create_exit": _both(21900, 22433),
                  "process.create_destroy": _both(36266, 38400)}
# clock_gettime in Linux's vDSO.
LINUX = {"clock.page": _both(78, 58)}
BESIDE = (("linux/3", THIRD_OF_LINUX), ("linux", LINUX), ("seL4", ANCHORS))
LIMITS = dict(ANCHORS)
LIMITS.update(LINUX)
LIMITS.update({f"ipc.call_reply.cross.{words}": _both(415, 425) for words in range(7)})
LIMITS.update(THIRD_OF_LINUX)
LIMITS.update({"ipc.call_reply.cross.64B": _both(600, 600),
               "ipc.call_reply.cross.512B": _both(1000, 1000),
               "ipc.call_reply.same.6": _both(415, 425),
               "foreign.call_reply.6": _both(435, 445)})
# Lines shared and turns spun by calls within a CPU (grow.py).
LIMITS.update({f"grow.same.{cpus}.{what}": _both(0, 0) for cpus in (4, 8)
               for what in ("lines", "spins")})
# The longest stretch with interrupts off, in instructions; programs that compute until a time comes,
# for which counted instructions are a slow clock.
IRQ_OFF = 50000
BY_THE_CLOCK = ("checkpoint", "foreign")
