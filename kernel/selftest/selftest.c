/* Chooses and runs the self tests (selftest.h). */
#include "selftest/selftest.h"
#include "boot/boot_info.h"
#include "boot/power.h"
#include "lib/string.h"
#include "trace/console.h"
#include <stdatomic.h>

#define FAULT_PREFIX "fault:"

/* The bounds of the linker section "self_tests". */
extern const struct self_test __start_self_tests[];
extern const struct self_test __stop_self_tests[];

static _Atomic(uint32_t) expectations_failed; /* since the running test began */

bool selftest_expect(bool held, const char *expression, const char *file, int line)
{
    if (held)
        return true;
    atomic_fetch_add_explicit(&expectations_failed, 1, memory_order_relaxed);
    console_print("%s:%d: expected %s\n", file, line, expression);
    return false;
}

static bool test_run(const struct self_test *test)
{
    atomic_store_explicit(&expectations_failed, 0, memory_order_relaxed);
    bool passed = test->run();
    passed &= atomic_load_explicit(&expectations_failed, memory_order_relaxed) == 0;
    console_print("self test %s: %s\n", test->name, passed ? "ok" : "FAILED");
    return passed;
}

static bool test_run_all(void)
{
    bool passed = true;
    for (const struct self_test *test = __start_self_tests; test < __stop_self_tests; test++)
        passed &= test_run(test);
    return passed;
}

static void faults_list(const struct fault_case *cases, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        console_print("fault %s %s \"%s\"\n", cases[i].name,
                      cases[i].synthetic ? "synthetic" : "real", cases[i].expect);
}

static bool test_list(void)
{
    for (const struct self_test *test = __start_self_tests; test < __stop_self_tests; test++)
        console_print("test %s\n", test->name);
    faults_list(portable_fault_cases, portable_fault_case_count);
    faults_list(arch_fault_cases, arch_fault_case_count);
    return true;
}

static const struct fault_case *fault_find(const struct fault_case *cases, uint32_t count,
                                           const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    return NULL;
}

/* Does not return if the fault is real; a synthetic one may have been only described. */
static bool fault_run(const char *name)
{
    const struct fault_case *fault =
        fault_find(portable_fault_cases, portable_fault_case_count, name);
    if (fault == NULL)
        fault = fault_find(arch_fault_cases, arch_fault_case_count, name);
    if (fault == NULL) {
        console_print("there is no fault \"%s\"; test=list lists them\n", name);
        return false;
    }
    /* What is expected is not printed here: a reader must find it in the diagnosis alone. */
    console_print("self test fault %s: begins\n", name);
    fault->provoke();
    console_print("self test fault %s: %s\n", name, fault->synthetic ? "ok" : "FAILED");
    return fault->synthetic;
}

static bool test_run_named(const char *name)
{
    if (strcmp(name, "all") == 0)
        return test_run_all();
    if (strcmp(name, "list") == 0)
        return test_list();
    if (strncmp(name, FAULT_PREFIX, sizeof(FAULT_PREFIX) - 1) == 0)
        return fault_run(name + sizeof(FAULT_PREFIX) - 1);
    for (const struct self_test *test = __start_self_tests; test < __stop_self_tests; test++)
        if (strcmp(test->name, name) == 0)
            return test_run(test);
    console_print("there is no self test \"%s\"; test=list lists them\n", name);
    return false;
}

/* `names` is taken apart at its commas. */
static bool tests_run(char *names)
{
    bool passed = true;
    for (char *name = names; name != NULL;) {
        char *comma = strchr(name, ',');
        if (comma != NULL)
            *comma = 0;
        passed &= test_run_named(name);
        name = comma != NULL ? comma + 1 : NULL;
    }
    return passed;
}

void selftest_run(void)
{
    char names[512];
    if (boot_option(&the_boot_info, "test", names, sizeof(names)))
        power_off(tests_run(names) ? 0 : 1);
}
