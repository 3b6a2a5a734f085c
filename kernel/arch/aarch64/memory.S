/*
 * AArch64: memcpy, memmove, memset.
 *
 * General registers in pairs, 64 bytes a turn, no byte loops: short blocks and ends are done by
 * accesses that overlap. Unaligned accesses are fine in normal memory, for which alone these
 * are. Large zeroing goes by cache blocks (dc zva) where the CPU permits it (DCZID_EL0).
 * Measured against plain C loops by the self test memory_bench.
 */
.section .text.memory, "ax"

.globl memcpy, memmove, memset

/* void *memmove(void *to, const void *from, size_t size) */
.balign 16
memmove:
    sub x3, x0, x1
    cmp x3, x2                          /* to - from < size (unsigned): copy from the end */
    b.lo move_backward

/*
 * The last 16 bytes are loaded first and stored last, the rest goes forwards; every load of a
 * turn comes before its stores, so that moving downwards is right with any overlap.
 */
.balign 16
memcpy:
    add x5, x1, x2
    cmp x2, #16
    b.lo copy_small
    add x6, x0, x2
    mov x4, x0
    ldp x7, x8, [x5, #-16]
    sub x6, x6, #16                     /* where they go */
    cmp x2, #80
    b.lo 2f
    sub x3, x6, #64
1:  ldp x11, x12, [x1, #16]
    ldp x13, x14, [x1, #32]
    ldp x15, x16, [x1, #48]
    ldp x9, x10, [x1], #64
    stp x11, x12, [x4, #16]
    stp x13, x14, [x4, #32]
    stp x15, x16, [x4, #48]
    stp x9, x10, [x4], #64
    cmp x4, x3
    b.ls 1b
2:  cmp x4, x6
    b.hs 3f
    ldp x9, x10, [x1], #16
    stp x9, x10, [x4], #16
    b 2b
3:  stp x7, x8, [x6]
    ret

/* Below 16 bytes: two loads that overlap, then two stores. x5 = end of `from`. */
copy_small:
    add x6, x0, x2
    tbz x2, #3, 1f
    ldr x7, [x1]
    ldr x8, [x5, #-8]
    str x7, [x0]
    str x8, [x6, #-8]
    ret
1:  tbz x2, #2, 2f
    ldr w7, [x1]
    ldr w8, [x5, #-4]
    str w7, [x0]
    str w8, [x6, #-4]
    ret
2:  tbz x2, #1, 3f
    ldrh w7, [x1]
    ldrh w8, [x5, #-2]
    strh w7, [x0]
    strh w8, [x6, #-2]
    ret
3:  cbz x2, 4f
    ldrb w7, [x1]
    strb w7, [x0]
4:  ret

/* The mirror image: the first 16 bytes are loaded first and stored last. */
.balign 16
move_backward:
    add x5, x1, x2
    cmp x2, #16
    b.lo copy_small
    add x4, x0, x2
    ldp x7, x8, [x1]
    add x6, x0, #16
    cmp x2, #80
    b.lo 2f
    add x3, x6, #64
1:  ldp x9, x10, [x5, #-16]
    ldp x11, x12, [x5, #-32]
    ldp x13, x14, [x5, #-48]
    ldp x15, x16, [x5, #-64]!
    stp x9, x10, [x4, #-16]
    stp x11, x12, [x4, #-32]
    stp x13, x14, [x4, #-48]
    stp x15, x16, [x4, #-64]!
    cmp x4, x3
    b.hs 1b
2:  cmp x4, x6
    b.ls 3f
    ldp x9, x10, [x5, #-16]!
    stp x9, x10, [x4, #-16]!
    b 2b
3:  stp x7, x8, [x0]
    ret

/* void *memset(void *to, int byte, size_t size) */
.balign 16
memset:
    and w1, w1, #255
    orr w1, w1, w1, lsl #8
    orr w1, w1, w1, lsl #16
    orr x1, x1, x1, lsl #32
    add x3, x0, x2
    cmp x2, #16
    b.lo set_small
    stp x1, x1, [x0]
    sub x6, x3, #16
    stp x1, x1, [x6]
    bic x4, x0, #15
    add x4, x4, #16                     /* aligned; all before it is set */
    cmp x2, #256
    b.lo set_turns
    cbz x1, set_blocks
set_turns:
    sub x5, x3, #64
    cmp x4, x5
    b.hi 2f
1:  stp x1, x1, [x4, #16]
    stp x1, x1, [x4, #32]
    stp x1, x1, [x4, #48]
    stp x1, x1, [x4], #64
    cmp x4, x5
    b.ls 1b
2:  cmp x4, x6                          /* what is left up to x6 + 16, which is set */
    b.hs 3f
    stp x1, x1, [x4], #16
    b 2b
3:  ret

/* Zeroing by whole blocks of 4 << DCZID_EL0.BS bytes; the ends by turns. */
set_blocks:
    mrs x9, dczid_el0
    tbnz x9, #4, set_turns              /* DZP: not permitted */
    mov x10, #4
    lsl x9, x10, x9
    sub x10, x9, #1
    sub x11, x3, x9                     /* the last address for a block */
1:  tst x4, x10
    b.eq 2f
    cmp x4, x6
    b.hs set_turns
    stp x1, x1, [x4], #16
    b 1b
2:  sub x11, x11, x9                    /* for two */
    cmp x4, x11
    b.hi set_turns
3:  dc zva, x4
    add x4, x4, x9
    dc zva, x4
    add x4, x4, x9
    cmp x4, x11
    b.ls 3b
    b set_turns

set_small:
    tbz x2, #3, 1f
    str x1, [x0]
    str x1, [x3, #-8]
    ret
1:  tbz x2, #2, 2f
    str w1, [x0]
    str w1, [x3, #-4]
    ret
2:  tbz x2, #1, 3f
    strh w1, [x0]
    strh w1, [x3, #-2]
    ret
3:  cbz x2, 4f
    strb w1, [x0]
4:  ret
