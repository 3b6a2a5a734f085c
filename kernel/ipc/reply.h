/* Reply objects (their life is told in ipc/port.h). For ipc/ and obj/thread.c. */
#pragma once

#include "ipc/port.h"

/* The thread in a word of a reply object. */
static inline struct thread *reply_thread(uintptr_t word)
{
    return (struct thread *)(word & ~(uintptr_t)REPLY_TAGS);
}

/*
 * The word, when nobody looks at the thread in it (obj/hold.h), who does so within one system call.
 * No locks held. reply_take then changes it from `word`, unless the thread has left; who comes to
 * look meanwhile is waited for.
 */
uintptr_t reply_word(const struct reply *reply);
bool reply_take(struct reply *reply, uintptr_t word, uintptr_t to);

/* It binds a thread that made a native call. */
static inline bool reply_is_native(const struct reply *reply)
{
    uintptr_t word = reply_word(reply);
    return (word & REPLY_TAGS) == 0 && thread_status(reply_thread(word)) == THREAD_REPLY;
}

/* Reserves a free reply object for `thread`, which is about to receive, and links. busy, dead. */
error_t reply_await(struct reply *reply, struct thread *thread);

/* The receiver goes without a call: waited becomes free. */
void reply_unawait(struct reply *reply, struct thread *thread);

/*
 * Binds the reply object that `server` (owned) waits with to `caller` (owned), which is then in
 * state `status` (reply or fault), and lends. False if the object died meanwhile.
 */
bool reply_bind(struct thread *server, struct thread *caller, enum thread_status status);

/*
 * For import: `server` (owned; may be NULL) is linked, and `caller` (owned, in the state before its
 * message was taken; may be NULL) bound and nobody's then. busy: it is not free.
 */
error_t reply_import(struct reply *reply, struct thread *server, struct thread *caller);

/* True while the reply object that `caller` waits on names it. */
bool reply_binds(const struct thread *caller);

/* Takes `caller` out of the reply object that it waits on; false if it is being answered. */
bool reply_cancel(struct thread *caller);

/* Unlinks `server` (owned, or current) from a reply object that died, which it would keep. */
void reply_link_check(struct thread *server);

/* Breaks the link of a thread that dies or receives otherwise. */
void reply_unlink(struct thread *server);

/*
 * The answer: `server` (current) answers `caller` (owned), with the message that its registers
 * describe. Errors of capabilities are the server's, and the caller is then still bound; not_found
 * if nobody is (the caller may have left).
 */
error_t reply_answer(struct thread *server, struct reply *reply);

extern const struct object_ops reply_ops;

/* The reply object of a receiver went while it lay down, and nobody could tell it then. */
static inline bool reply_lost(const struct thread *thread)
{
    return thread->reply != NULL && atomic_load(&thread->reply->word) == REPLY_DEAD;
}
