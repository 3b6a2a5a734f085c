/*
 * Self tests: what only a booted kernel can show of itself.
 *
 * A test registers itself in the linker section "self_tests". `test=NAME,...` on the kernel's
 * command line runs them when everything has started, prints "self test NAME: ok" or "FAILED" for
 * each, and leaves by power_off with 0 if all are ok, else 1. `test=all` runs all,
 * `test=fault:NAME` provokes one fault, whose diagnosis is then to be read, and
 * `test=list` lists both.
 * A test runs on the boot CPU, holds no lock, and leaves the machine as it was.
 */
#pragma once

#include "lib/types.h"

struct self_test {
    const char *name;
    bool (*run)(void);
};

#define SELF_TEST(identifier, function)                                                            \
    static const struct self_test self_test_##identifier                                           \
        __attribute__((used, section("self_tests"), aligned(8))) = {#identifier, function};

/*
 * The faults that a test can provoke: by their real cause where this CPU and
 * its emulator can, else with a synthetic frame given to the same diagnosis.
 */
struct fault_case {
    const char *name;
    const char *expect; /* must stand in the diagnosis */
    bool synthetic;
    void (*provoke)(void); /* does not return, apart from synthetic ones */
};

/* Those of the CPU (selftest/arch), and those that need none. */
extern const struct fault_case arch_fault_cases[], portable_fault_cases[];
extern const uint32_t arch_fault_case_count, portable_fault_case_count;

/* Runs what `test=` asks for and leaves; returns if it is not there. Once everything is up. */
void selftest_run(void);

/* Says where an expectation failed; returns `held`. Any CPU, also in interrupts. */
bool selftest_expect(bool held, const char *expression, const char *file, int line);

#define SELF_EXPECT(expression) selftest_expect((expression), #expression, __FILE_NAME__, __LINE__)
