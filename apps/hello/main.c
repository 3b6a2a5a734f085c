/* The smallest root program: says what it was given. */
#include "sys/call.h"
#include "sys/print.h"
#include "sys/thread.h"
#include <root.h>
#include <space.h>
#include <state.h>

#define MODULE UINT64_C(0x7f0000000000)

/* The beginning of the first module beside this program. */
static error_t module_show(void)
{
    slot_t module = root_slot(ROOT_SLOT_MODULE);
    uint64_t size, next;
    error_t error = tern_object_info(module, STATE_memory_basic, 0, &size, &next);
    if (error == ERR_bad_slot)
        return OK; /* there is none */
    if (error != OK)
        return error;
    size = ((const struct state_memory_basic *)sys_page)->size;
    error = tern_space_map(root_slot(ROOT_SLOT_PROCESS), module, 0, (uaddr_t){MODULE}, size,
                           SPACE_READ);
    if (error == OK)
        sys_print("a module of %lu pages: \"%.16s\"\n", (unsigned long)(size / MESSAGE_PAGE),
                  (const char *)MODULE);
    return error;
}

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
    if (error == OK)
        error = module_show();
    return error == OK ? 0 : 1;
}
