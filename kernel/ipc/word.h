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
#pragma once

#include "lib/error.h"
#include "obj/thread.h"

/* Takes a claimed-to-be waiting thread out of its bucket; false if it is not there any more. */
bool word_unwait(struct thread *thread);

/* Puts the running thread, which has left its CPU (arch_thread_leave), into the bucket of a word; a
 * full barrier follows. */
void word_wait_on(struct thread *thread, uint64_t memory, uint64_t offset);

/* Wakes all threads that wait for pages (page_wait.h), wherever from. */
void word_wake_pages(void);

/* Wakes up to `count` waiters of a word; returns how many there were. */
uint64_t word_wake_on(uint64_t memory, uint64_t offset, uint64_t count);
