/* The portable kernel's first function, called by arch/ (see arch/boot.h for the state). */
#pragma once

#include "boot/boot_info.h"
#include "lib/error.h"

/* `error`: what reading the boot protocol into the_boot_info returned. */
_Noreturn void kernel_main(error_t error);
