/* AArch64: exception classes and syndromes that are told apart by more than their name. */
#pragma once

#include "arch/trap.h"
#include "arch_layout.h"

/* ESR_EL1.EC (Arm ARM D19.2.37). */
enum exception_class {
    CLASS_UNKNOWN = 0x00,
    CLASS_FPU_OFF = 0x07,
    CLASS_SVC_32 = 0x11,
    CLASS_SVC_64 = CAUSE_CLASS_SVC,
    CLASS_FETCH_USER = 0x20,
    CLASS_FETCH_KERNEL = 0x21,
    CLASS_PC = 0x22,
    CLASS_DATA_USER = 0x24,
    CLASS_DATA_KERNEL = 0x25,
    CLASS_SP = 0x26,
    CLASS_FPU = 0x2c,
    CLASS_BREAKPOINT_USER = 0x30,
    CLASS_STEP_USER = 0x32,
    CLASS_WATCHPOINT_USER = 0x34,
    CLASS_BRK = 0x3c,
};

#define ABORT_STATUS   ((uint64_t)63)      /* DFSC, IFSC */
#define ABORT_WRITE    ((uint64_t)1 << 6)  /* WnR */
#define ABORT_CACHE    ((uint64_t)1 << 8)  /* CM: cache maintenance, which always looks a write */
#define ABORT_NO_FAULT ((uint64_t)1 << 10) /* FnV: FAR_EL1 is not valid */

#define STATUS_EXTERNAL  0x10u /* from here on no fault of ours, apart from the next */
#define STATUS_ALIGNMENT 0x21u

static inline uint32_t frame_class(const struct trap_frame *frame)
{
    return (uint32_t)(frame->cause >> CAUSE_CLASS_SHIFT) & 63;
}
