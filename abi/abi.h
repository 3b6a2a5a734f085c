/*
 * What kernel and user space agree on, as C: types, the control word, kinds of messages.
 *
 * Lists are in *.def files beside this one; registers are in each CPU's abi_arch.h. A thread makes
 * a call by filling the control register with the call's number, the operand registers, and for a
 * message the label and six word registers:
 *
 *              control  operands 0..3     label  words 0..5              entry
 *   x86-64     rbx      r12 r13 r14 r15   rax    rdi rsi rdx r10 r8 r9   syscall, int 0x80
 *   AArch64    x9       x10 x11 x12 x13   x8     x0..x5                  svc
 *
 * Label and words are where a Linux program has its system call's number and arguments.
 *
 * Messages: all six words and the label always travel. Up to 4096 bytes more travel from message
 * page to message page. With n capabilities, the last n words are their slots, on either side.
 */
#ifndef ABI_H
#define ABI_H

#include <stdbool.h>
#include <stdint.h>

/* A capability by its place: index (low 32 bits) and generation (high). 0 is no capability. */
typedef struct {
    uint64_t value;
} slot_t;

/* A set of rights (right.def), 1 << bit each. */
typedef struct {
    uint64_t bits;
} rights_t;

/* An address of a process. */
typedef struct {
    uint64_t va;
} uaddr_t;

enum right {
#define RIGHT(bit, name, kinds, text) RIGHT_##name = 1 << (bit),
#include <right.def>
#undef RIGHT
    RIGHTS_ALL = (1 << 20) - 1,
};

enum object_kind {
    OBJECT_NONE,
#define OBJECT(number, name, exportable, text) OBJECT_##name = (number),
#include <object.def>
#undef OBJECT
    OBJECT_KINDS
};

/* Those whose state can be read and set, a bit each by its number. */
enum {
    OBJECTS_EXPORTABLE = 0
#define OBJECT(number, name, exportable, text) | (exportable) << (number)
#include <object.def>
#undef OBJECT
};

#define MESSAGE_WORDS    6
#define MESSAGE_CAPS_MAX 4
#define MESSAGE_PAGE     4096 /* bytes of a thread's message page */
#define PORT_DEPTH_MAX   64

/* Deadlines are nanoseconds of the job's clock, absolute. */
#define DEADLINE_POLL  UINT64_C(0) /* do not wait: would_block */
#define DEADLINE_NEVER UINT64_MAX  /* wait for ever */

/*
 * The control word: what is asked for (in), and what came (out).
 *
 *   in    0..7 call number   16..28 bytes of the message page   32..34 capabilities
 *         36..39 which of them are moved, not copied   40..41 how a held thread goes on
 *         42 an answer to a held thread brings a range (CONTROL_RANGE)
 *   out   0..7 status (error.def)   8..15 kind of message   16..28 bytes   32..34 capabilities
 *         40..41 of a kick: ANSWER_RESTART if the thread was about to make its call (again), which
 *         it does when it goes on, unless its registers are set; else ANSWER_RESUME
 */
#define CONTROL_NUMBERS     256
#define CONTROL_BYTES_SHIFT 16
#define CONTROL_CAPS_SHIFT  32
#define CONTROL_MOVE_SHIFT  36
#define CONTROL_KIND_SHIFT  8
#define CONTROL_WAY_SHIFT   40

/* How a held thread goes on, in an answer's control word (bits 40, 41). */
enum answer_way {
    ANSWER_RESULT,  /* word 0 of the answer is its system call's result */
    ANSWER_RESTART, /* the system call is made again */
    ANSWER_RESUME,  /* with its registers as they are: after a fault, or when they were set */
};

/*
 * Added to the way: before the thread goes on, word 3 bytes (SPACE_COPY_MAX at most) are copied to
 * its address in word 1 from the answering thread's in word 2, with the rights of either's mapping.
 * If a page cannot be had at once the thread stays held, and the three words say what is left.
 */
#define ANSWER_RANGE  4
#define CONTROL_RANGE ((uint64_t)ANSWER_RANGE << CONTROL_WAY_SHIFT)

static inline uint64_t control_number(uint64_t control)
{
    return control & 0xff;
}
static inline uint64_t control_kind(uint64_t control)
{
    return control >> CONTROL_KIND_SHIFT & 0xff;
}
static inline uint64_t control_bytes(uint64_t control)
{
    return control >> CONTROL_BYTES_SHIFT & 0x1fff;
}
static inline uint64_t control_way(uint64_t control)
{
    return control >> CONTROL_WAY_SHIFT & 3;
}
static inline uint64_t control_caps(uint64_t control)
{
    return control >> CONTROL_CAPS_SHIFT & 7;
}

/* What a receiver gets. Operands after a receive: badge, reply slot, kind's own, kind's own. */
enum message_kind {
    MESSAGE_NONE,
#define MESSAGE(number, name, text) MESSAGE_##name = (number),
#include <message.def>
#undef MESSAGE
    MESSAGE_KINDS
};

/* Why a thread ended: word 0 of a message of kind exit. */
enum exit_reason {
    EXIT_NONE,
#define EXIT(number, name, text) EXIT_##name = (number),
#include <exit.def>
#undef EXIT
};

/* What a thread did wrong: word 0 of a message of kind fault. */
enum fault_class {
    FAULT_NONE,
#define FAULT(number, name, text) FAULT_##name = (number),
#include <fault.def>
#undef FAULT
    FAULT_CLASSES
};

#endif
