/*
 * A message on its way: what one side gives and the other gets.
 *
 * It lives on the kernel's stack for one delivery, or in a port's queue (struct stored_message).
 * Delivering is two steps: message_prepare reserves what could fail (slots for capabilities in the
 * receiver's table), message_deliver then cannot fail.
 */
#pragma once

#include "ipc/port.h"

struct message {
    enum message_kind kind;
    enum answer_way way; /* of a kick (abi.h) */
    uint64_t badge;
    uint64_t label;
    uint64_t words[MESSAGE_WORDS];
    uint32_t bytes; /* of `page` */
    const void *page;
    uint32_t caps;  /* the last words are slots of `table` */
    uint32_t moved; /* which of them are moved: a bit each */
    struct slot_table *table;
    struct slot *target[MESSAGE_CAPS_MAX]; /* reserved in the receiver's table */
};

/* The slots that go along are named by the last words. */
static inline slot_t message_cap(const struct message *message, uint32_t i)
{
    debug_assert(i < message->caps);
    return (slot_t){message->words[MESSAGE_WORDS - message->caps + i]};
}

/* Kinds whose sender waits for an answer. */
static inline bool message_is_held(uint32_t kind)
{
    return kind != MESSAGE_send && kind != MESSAGE_exit && kind != MESSAGE_page;
}

/*
 * What `thread`'s control register describes. bad_argument for counts out of range, bad_slot or
 * denied for a capability that it does not hold or may not grant.
 */
error_t message_from_thread(struct message *message, struct thread *thread, uint64_t badge);

/* The same of the capabilities alone. */
error_t message_check_caps(const struct message *message);

/* What a held message (fault, foreign call, kick) of `thread` says, by thread->sending. */
void message_from_held(struct message *message, struct thread *thread);

/* Reserves in the receiver's table. full, no_memory, dead: nothing is reserved then. */
error_t message_prepare(struct message *message, struct slot_table *table);
void message_unprepare(struct message *message);

/* Transfers the capabilities to what was reserved; the words name them there. Cannot fail. */
void message_move_caps(struct message *message);

/*
 * Writes the message into the receiver's frame and page, and transfers the capabilities; one that
 * was revoked meanwhile arrives as slot 0. The receiver is owned by the caller.
 */
void message_deliver(struct message *message, struct thread *receiver);
