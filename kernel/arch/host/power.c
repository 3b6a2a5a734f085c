/* On the host, the end of the machine is the end of the process. */
#include "arch/boot.h"

#include <stdio.h>
#include <stdlib.h>

const char *arch_power_text(void)
{
    return "process";
}

void arch_power_off(void)
{
    exit(0);
}

/* There is nothing to start again. */
void arch_reboot(void)
{
    fprintf(stderr, "a reboot was asked for\n");
    abort();
}

void arch_debug_exit(uint32_t status)
{
    exit((int)status);
}
