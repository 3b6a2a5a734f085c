/*
 * A user program's view of a space, on the host: accesses go by the page tables through a
 * simulated TLB that forgets only what the kernel flushes, and fault like hardware.
 */
#ifndef USER_MODEL_H
#define USER_MODEL_H

#include "mem/mapping.h"

#define USER_PAGES 1200 /* from USER_BASE: what the TLB knows */
#define USER_BASE  ((uint64_t)0x7f0000000000 - 64 * PAGE_SIZE) /* across tables of all levels */

/* A machine with memory, a heap and a first job, and empty TLBs. */
void user_start(void);

static inline uint64_t user_va(uint64_t page)
{
    return USER_BASE + page * PAGE_SIZE;
}

/* Accesses one word, faulting until it is done; errors of space_fault. */
error_t user_read(struct space *space, uint64_t va, uint64_t *value, struct page_request *request);
error_t user_write(struct space *space, uint64_t va, uint64_t value, struct page_request *request);

/* Faults of all accesses so far. */
uint64_t user_faults(void);

/* Asserts that the TLB knows nothing of a space that has no mappings. */
void user_check_gone(struct space *space);

/* Runs a long call until all is done. */
error_t user_unmap(struct space *space, uint64_t va, uint64_t size);
error_t user_protect(struct space *space, uint64_t va, uint64_t size, uint32_t flags);
error_t user_clone(struct space *from, struct space *to);
error_t user_commit(struct memory *memory, uint64_t offset, uint64_t size, enum commit_mode mode);
error_t user_resize(struct memory *memory, uint64_t size);
error_t user_memory_clone(struct memory *from, uint64_t from_offset, struct memory *to,
                          uint64_t to_offset, uint64_t size, uint32_t flags);
void user_space_end(struct space *space);

#endif
