/* openat2's structure and flags, which the C library does not have. */
#ifndef LINUX_OPENAT2_H
#define LINUX_OPENAT2_H

#include <stdint.h>

struct open_how {
    uint64_t flags, mode, resolve;
};

#define RESOLVE_NO_XDEV       0x01
#define RESOLVE_NO_MAGICLINKS 0x02
#define RESOLVE_NO_SYMLINKS   0x04
#define RESOLVE_BENEATH       0x08
#define RESOLVE_IN_ROOT       0x10

#endif
