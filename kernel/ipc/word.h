/*
 * Waiting on words of memory, for locks of native programs.
 *
 * A word is known by its memory object and offset there, so that all who map the page mean the
 * same word. Threads wait in buckets, hashed by that, first come first served. A thread publishes
 * itself, passes a full barrier, and reads the word; who changes the word looks into the bucket
 * afterwards: so one of them sees the other.
 *
 * Lock: each bucket's (rank word).
 */
#ifndef IPC_WORD_H
#define IPC_WORD_H

#include "lib/error.h"
#include "obj/thread.h"

/* Takes a claimed-to-be waiting thread out of its bucket; false if it is not there any more. */
bool word_unwait(struct thread *thread);

#endif
