/* The host: a thread's registers as user space would see them; the same as the frame's. */
#pragma once

#include <stdint.h>

struct abi_registers {
    uint64_t control;
    uint64_t operand[4];
    uint64_t label;
    uint64_t word[6];
    uint64_t pc, sp;
    uint64_t thread_pointer;
};
