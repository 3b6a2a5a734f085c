/* Runs the tests of a native test program (test.h). */
#include "test.h"
#include "sys/print.h"
#include <stdatomic.h>

/* The bounds of the linker section "tests". */
extern const struct guest_test __start_tests[];
extern const struct guest_test __stop_tests[];

static _Atomic(uint32_t) failures; /* since the running test began */

void test_fail(const char *file, int line, const char *expression)
{
    atomic_fetch_add_explicit(&failures, 1, memory_order_relaxed);
    sys_print("%s:%d: expected %s\n", file, line, expression);
}

static bool test_run(const struct guest_test *test)
{
    atomic_store_explicit(&failures, 0, memory_order_relaxed);
    test->run();
    bool passed = atomic_load_explicit(&failures, memory_order_relaxed) == 0;
    sys_print("guest test %s: %s\n", test->name, passed ? "ok" : "FAILED");
    return passed;
}

int main(void)
{
    uint32_t passed = 0, failed = 0;
    for (const struct guest_test *test = __start_tests; test < __stop_tests; test++)
        *(test_run(test) ? &passed : &failed) += 1;
    sys_print("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
