/*
 * Self tests: what only a booted kernel can show of itself.
 *
 * A test registers itself in the linker section "self_tests". `test=NAME,...` on the kernel's
 * command line runs them when everything has started, prints "self test NAME: ok" or "FAILED" for
 * each, and leaves by power_off with 0 if all are ok, else 1. `test=all` runs all,
 * `test=fault:NAME` provokes one fault of arch/trap.h, whose diagnosis is then to be read, and
 * `test=list` lists both.
 * A test runs on the boot CPU, holds no lock, and leaves the machine as it was.
 */
#ifndef SELFTEST_SELFTEST_H
#define SELFTEST_SELFTEST_H

#include "arch/trap.h"
#include "lib/types.h"

struct self_test {
    const char *name;
    bool (*run)(void);
};

#define SELF_TEST(identifier, function)                                                            \
    static const struct self_test self_test_##identifier                                           \
        __attribute__((used, section("self_tests"), aligned(8))) = {#identifier, function};

/* Faults beside those of arch/trap.h. */
extern const struct arch_fault_case portable_fault_cases[];
extern const uint32_t portable_fault_case_count;

/* Runs what `test=` asks for and leaves; returns if it is not there. Once everything is up. */
void selftest_run(void);

/* Says where an expectation failed; returns `held`. Any CPU, also in interrupts. */
bool selftest_expect(bool held, const char *expression, const char *file, int line);

#define SELF_EXPECT(expression) selftest_expect((expression), #expression, __FILE_NAME__, __LINE__)

#endif
