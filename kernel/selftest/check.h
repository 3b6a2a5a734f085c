/*
 * Walks that assert the invariants of what the kernel keeps: each takes the lock of what it walks,
 * visits all of it, and is for tests alone, on the booted machine and on the host.
 */
#pragma once

struct cpu;
struct memory;
struct object;
struct slot_table;
struct space;

/* An object's list of capabilities: its brackets in pairs, each in the slot it says. */
void cap_check_object(struct object *object);

/* A table: what each slot is, the lists of free and dead ones, the counts. */
void slot_table_check(struct slot_table *table);

/* A memory object's pages, and the leaves that show it. */
void memory_check(struct memory *memory);

/* The tree of mappings: its order and balance, and that mappings fit. */
void space_check(struct space *space);

/* Frames: lists, orders and counts of all nodes, and the calling CPU's cache. */
void frame_check(void);

/* The heap: its slabs and their lists. */
void heap_check(void);

/* A CPU's run queue: all links and counts. */
void run_queue_check(struct cpu *cpu);
