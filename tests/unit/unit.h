/*
 * The frame of the host's unit tests.
 *
 * A test is `TEST(subject_what_it_shows) { ... }`; it registers itself. EXPECT notes a failure
 * and goes on, REQUIRE ends the test. The runner (unit_main.c) runs each test in a child process,
 * so that a crash or a failed assertion of the kernel is one failure, and prints
 * "N passed, N failed". EXPECT_PANIC runs a statement that must fail an assertion.
 */
#ifndef UNIT_H
#define UNIT_H

#include "lib/types.h"

struct unit_test {
    const char *name;
    const char *file;
    void (*run)(void);
    struct unit_test *next;
};

void unit_register(struct unit_test *test);
void unit_fail(const char *file, int line, const char *expression);
_Noreturn void unit_end(void);

/* True if `run(context)` ends in a failed assertion or a panic (checked in a child process). */
bool unit_panics(void (*run)(void *context), void *context);

/* A reproducible pseudo-random number; the seed is printed when a test fails. */
uint64_t unit_random(void);

#define TEST(test_name)                                                                            \
    static void test_##test_name(void);                                                            \
    static struct unit_test unit_##test_name = {#test_name, __FILE__, test_##test_name, NULL};     \
    __attribute__((constructor)) static void register_##test_name(void)                            \
    {                                                                                              \
        unit_register(&unit_##test_name);                                                          \
    }                                                                                              \
    static void test_##test_name(void)

#define EXPECT(expression)                                                                         \
    do {                                                                                           \
        if (!(expression))                                                                         \
            unit_fail(__FILE__, __LINE__, #expression);                                            \
    } while (0)

#define REQUIRE(expression)                                                                        \
    do {                                                                                           \
        if (!(expression)) {                                                                       \
            unit_fail(__FILE__, __LINE__, #expression);                                            \
            unit_end();                                                                            \
        }                                                                                          \
    } while (0)

#endif
