/* Between C and arch/<cpu>/start.S: how a thread's stack begins. For the files of lib/sys. */
#ifndef SYS_START_H
#define SYS_START_H

#include <stdint.h>

/* What a new thread is to run; stands where its stack begins. */
struct sys_begin {
    uint64_t (*entry)(void *argument, void *page);
    void *argument;
    void *page;
};
#define SYS_BEGIN_BYTES 32 /* keeps the stack aligned */

void sys_thread_enter(void); /* start.S */
_Noreturn void sys_thread_begin(const struct sys_begin *begin);

#endif
