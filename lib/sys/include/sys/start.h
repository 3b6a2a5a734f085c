/* Between C and arch/<cpu>/start.S: how a thread's stack begins. For the files of lib/sys. */
#ifndef SYS_START_H
#define SYS_START_H

#include <stddef.h>
#include <stdint.h>
#include <sys_arch.h>

/* What a new thread is to run; stands where its stack begins. */
struct sys_begin {
    uint64_t (*entry)(void *argument, void *page);
    void *argument;
    void *page;
};
#define SYS_BEGIN_BYTES 32 /* keeps the stack aligned */

/* The bounds of what thread-local data begin with, and the end of those that begin as zero. */
extern const char __tls_image[], __tls_image_end[], __tls_end[];

static inline size_t sys_tls_bytes(void)
{
    return ((size_t)(__tls_end - __tls_image) + SYS_TLS_ALIGN - 1) & ~(size_t)(SYS_TLS_ALIGN - 1);
}

void sys_tls_begin(void *room);

/*
 * Gives the thread its thread-local data, if the program has any: in the stack of the function that
 * says this, which is the thread's first and does not return.
 */
#define SYS_TLS_BEGIN()                                                                            \
    do {                                                                                           \
        if (sys_tls_bytes() != 0)                                                                  \
            sys_tls_begin(                                                                         \
                __builtin_alloca_with_align(sys_tls_bytes() + SYS_TLS_ALIGN, 8 * SYS_TLS_ALIGN));  \
    } while (0)

void sys_thread_enter(void); /* start.S */
_Noreturn void sys_thread_begin(const struct sys_begin *begin);

#endif
