/*
 * Waiting on words of memory, for locks of native programs.
 *
 * A word is known by its memory object and offset there, so that all who map the page mean the
 * same word. Threads wait in buckets, hashed by that, in the order of words and of their coming, so
 * that finding one takes few steps, however many wait. A thread publishes
 * itself, passes a full barrier, and reads the word; who changes the word looks into the bucket
 * afterwards: so one of them sees the other.
 *
 * Lock: each bucket's (rank word).
 */
#pragma once

#include "lib/error.h"
#include "obj/thread.h"

#define WORD_ANY_PAGE UINT64_MAX /* stands for all pages of an object: none is that large */

/* Takes a claimed-to-be waiting thread out of its bucket; false if it is not there any more. */
bool word_unwait(struct thread *thread);

/* Puts the running thread, which has left its CPU (arch_thread_leave), into the bucket of a word; a
 * full barrier follows. */
void word_wait_on(struct thread *thread, uint64_t memory, uint64_t offset);

/* Who comes to wait now has this turn, or a later one. */
uint64_t word_turn(uint64_t memory, uint64_t offset);

/* Wakes up to `count` waiters of a word whose turn is less than `before`, in the order of their
 * coming; returns how many there were: some 200 instructions each. */
uint64_t word_wake_on(uint64_t memory, uint64_t offset, uint64_t before, uint64_t count);

/* Wakes all threads that wait for pages (page_wait.h) now, wherever from, by and by. */
void word_wake_pages(void);
