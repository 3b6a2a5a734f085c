/* The smallest root program: says what it was given. */
#include "sys/call.h"
#include "sys/print.h"
#include "sys/thread.h"

int main(void)
{
    uint64_t now = 0;
    error_t error = tern_clock_read(&now);
    sys_print("hello from user mode, command line \"%s\"\n", (const char *)sys_page);
    if (error != OK)
        sys_print("no clock: %s\n", error_text(error));
    else
        sys_print("%lu.%03lu s since the machine's start\n", (unsigned long)(now / 1000000000),
                  (unsigned long)(now / 1000000 % 1000));
    return error == OK ? 0 : 1;
}
