/*
 * The beginning and the end of a program: arch/<cpu>/start.S calls sys_start with the address of
 * the message page, main's value is the program's. And the beginning of each thread's own data.
 */
#include "sys/start.h"
#include "lib/string.h"
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

void sys_tls_begin(void *room)
{
    char *block = sys_tls_block(room);
    size_t given = (size_t)(__tls_image_end - __tls_image);
    memcpy(block, __tls_image, given);
    memset(block + given, 0, sys_tls_bytes() - given);
    sys_tls_set(room, sys_tls_bytes());
}

void sys_start(void *page)
{
    sys_page = page;
    SYS_TLS_BEGIN();
    sys_exit((uint64_t)main());
}
