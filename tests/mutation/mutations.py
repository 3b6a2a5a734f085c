"""The mutations: small wrong changes of the kernel that the tests must notice.

(file, text that stands there once, what to put instead, how the tests notice it)
How: "unit" builds and runs the host's unit tests; "boot WORDS" boots with these words on the
kernel's command line, and must not leave with status 0.
"""

UNIT = "unit"
SELF_TESTS = "boot test=all"

MUTATIONS = [
    # Comparisons turned round or weakened.
    ("kernel/lib/tree.h", "    return a->key < b->key ||", "    return a->key > b->key ||", UNIT),
    ("kernel/mem/buddy.h", "    return frame_state(frame) == FRAME_FREE && frame->order == order;",
     "    return frame_state(frame) == FRAME_FREE;", UNIT),
    ("kernel/mem/ptab.c", "!is_aligned(va | pa.pa, ptab_span(level))",
     "!is_aligned(va & pa.pa, ptab_span(level))", UNIT),
    ("kernel/lib/text.c", "sum > (UINT64_MAX - digit) / base", "sum > UINT64_MAX / base", UNIT),
    ("kernel/sync/spinlock.c", "assert(self->held[i]->rank < lock->rank);",
     "assert(self->held[i]->rank <= lock->rank);", UNIT),
    ("kernel/boot/boot_info.c", "range->kind >= kind ||", "range->kind > kind ||", UNIT),
    # Checks left out.
    ("kernel/boot/acpi.c", "if (!checksum_good(bytes, size))", "if (bytes == NULL)", UNIT),
    ("kernel/boot/multiboot2.c",
     "tag->size < sizeof(*module) || module->end < module->start", "tag->size < sizeof(*module)",
     UNIT),
    ("kernel/boot/ladder.c", "if (need.is->level > subsystem->level) {", "if (false) {", UNIT),
    ("kernel/boot/service.c", "if (caller > service_rows[index].privilege) {",
     "if (caller > PRIVILEGE_TOOL) {", UNIT),
    ("kernel/mem/heap.c", "    assert(bytes_are((char *)block + asked, red, RED_BYTE));",
     "    (void)red;", UNIT),
    ("kernel/mem/ptab.c", "            if (arch_pte_present(*entry))\n"
     "                return ERR_exists;\n", "", UNIT),
    ("kernel/obj/job_clock.c", "    if (job->clock_page == memory)\n",
     "    if (job->clock_page != NULL)\n", UNIT),
    # Locks and their orders left out.
    ("kernel/sync/spinlock.c",
     "if (atomic_load_explicit(&lock->owner, memory_order_acquire) != ticket)", "if (ticket == 0)",
     UNIT),
    # Of system calls: found by the model of them (tests/unit/calls_model.h).
    ("kernel/ipc/queue.c", "list_add_first(&shard->receivers, &thread->wait);",
     "list_add_last(&shard->receivers, &thread->wait);", UNIT),
    ("kernel/ipc/fast.c", "bits = slot->badge == 0 ? bits : bits & slot->badge;", "(void)slot;",
     UNIT),
    ("kernel/ipc/reply.c", "    thread_timeout_cancel(caller);\n    sched_ready(caller);",
     "    sched_ready(caller);", UNIT),
    ("kernel/ipc/port.c", "    if (deaf || mute)", "    if (deaf && (deaf || mute))", UNIT),
    ("kernel/syscall/answer.c", "    frame_set_word(frame, 2, from + done);\n", "", UNIT),
    ("kernel/ipc/message.c", "    message->way = ANSWER_RESULT;\n", "", UNIT),
    ("kernel/obj/stop.c", "        reply_link_check(thread);\n", "", UNIT),
    # What only a booted kernel shows.
    ("kernel/mem/vmap.c", "map_section(__text_start, __text_end, MAP_EXECUTE);",
     "map_section(__text_start, __text_end, MAP_EXECUTE | MAP_WRITE);", SELF_TESTS),
    ("kernel/mem/vmap.c", "map_direct(max_u64(start, fixed), min_u64(end, fixed_end), 0);",
     "map_direct(max_u64(start, fixed), min_u64(end, fixed_end), MAP_WRITE);", SELF_TESTS),
    ("kernel/mem/vmap.c", "    *va = vmap_area + GUARD_SIZE;", "    *va = vmap_area;", SELF_TESTS),
    ("kernel/mem/shootdown.c", "if (!arch_tlb_broadcasts())", "if (arch_tlb_broadcasts())",
     SELF_TESTS),
    ("kernel/sched/clock.c", "    metric_add(METRIC_timer_fires, fired);\n    arm_earliest();",
     "    metric_add(METRIC_timer_fires, fired);", SELF_TESTS),
    ("kernel/arch/x86_64/memory.S", "    jb move_backward", "    nop", SELF_TESTS),
    ("kernel/trace/panic.c", "arch_trap_describe(frame, panic_text, sizeof(panic_text));",
     "panic_text[0] = 0;", "panic test=fault:divide"),
]
