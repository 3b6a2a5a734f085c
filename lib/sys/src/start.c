/*
 * The beginning and the end of a program: arch/<cpu>/start.S calls sys_start with the address of
 * the message page, main's value is the program's.
 */
#include "sys/call.h"
#include "sys/thread.h"

int main(void);
_Noreturn void sys_start(void *page);

void *sys_page;

void sys_exit(uint64_t value)
{
    for (;;)
        (void)tern_thread_exit(value);
}

void sys_start(void *page)
{
    sys_page = page;
    sys_exit((uint64_t)main());
}
