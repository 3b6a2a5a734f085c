/*
 * Faults that need no CPU's help: a second fault inside a panic (panic.h says what then happens).
 */
#include "trace/panic.h"
#include "selftest/selftest.h"
#include "trace/console.h"

static uint32_t stumbles;      /* faults so far; the panicking CPU's alone, like the next */
static uint32_t stumbles_most; /* then it is well again */

/* A console whose driver is broken in the worst moment. */
static void stumbling_write(struct console *console, enum log_level level, const char *text,
                            size_t size)
{
    (void)console, (void)level, (void)text, (void)size;
    if (!panic_active() || stumbles == stumbles_most)
        return;
    stumbles++;
    if (stumbles == 1)
        panic("a console's driver panics");
    uintptr_t nowhere = 64; /* the first page is never mapped */
    *(volatile char *)nowhere = 0;
}

static void panic_stumbling(uint32_t most)
{
    static struct console stumbling = {.name = "stumbling", .write = stumbling_write};
    stumbles_most = most;
    console_add(&stumbling);
    panic("the first of some");
}

static void fault_panic_twice(void)
{
    panic_stumbling(2);
}

static void fault_panic_always(void)
{
    panic_stumbling(UINT32_MAX);
}

const struct arch_fault_case portable_fault_cases[] = {
    {"panic-twice", "another fault while panicking", false, fault_panic_twice},
    {"panic-always", "another fault while panicking", false, fault_panic_always},
};
const uint32_t portable_fault_case_count = COUNT_OF(portable_fault_cases);
