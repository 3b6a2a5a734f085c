/* AArch64: calls to the firmware and to the emulator (power.c). */
#pragma once

#include "lib/types.h"

struct trap_frame;

/* PSCI functions (DEN0022 5.1), and what they return. */
#define PSCI_CPU_ON       0xc4000003u
#define PSCI_SYSTEM_OFF   0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u
#define PSCI_SUCCESS      0
#define PSCI_ALREADY_ON   (-4)

/* True if the machine has PSCI. */
bool psci_usable(void);

/* Calls the firmware by the conduit that it named (SMCCC, DEN0028 2.7). */
int64_t psci_call(uint32_t function, uint64_t a, uint64_t b, uint64_t c);

/* Takes the trap of a semihosting call for which there is no emulator; else false. */
bool power_take_trap(struct trap_frame *frame);
