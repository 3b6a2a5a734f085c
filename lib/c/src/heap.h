/* Between musl's allocator (heap_glue.h) and where its memory comes from (lib/c/src/heap.c). */
#ifndef HEAP_H
#define HEAP_H

#include <stddef.h>
#include <stdint.h>

/* A piece of at least `size` bytes, zero; (void *)-1: the job cannot pay for it. */
void *__heap_map(size_t size);

/* Gives back a piece, whole. */
void __heap_unmap(void *piece, size_t size);

/* One lock for the allocator's own state. Pieces are mapped with and without it. */
void __heap_enter(void);
void __heap_leave(void);

/* Stands in the allocator's own records, so that what is none is found out. */
uint64_t __heap_secret(void);

#endif
