/*
 * The frame of native test programs, which are root programs of test boots.
 *
 * TEST(name) registers a test; EXPECT notes a failure and goes on, REQUIRE ends the test; both work
 * in any thread that the test started, REQUIRE in a void function only. main (test.c) runs all in
 * the order of the file, prints a line for each and "N passed, N failed"; its value, the exit
 * status of the machine, is 0 if none failed.
 */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guest_test {
    const char *name;
    void (*run)(void);
};

/* Says where, and counts. */
void test_fail(const char *file, int line, const char *expression);

#define TEST(test_name)                                                                            \
    static void test_##test_name(void);                                                            \
    __attribute__((used, section("tests"))) static const struct guest_test guest_##test_name = {   \
        #test_name, test_##test_name};                                                             \
    static void test_##test_name(void)

#define EXPECT(expression)                                                                         \
    do {                                                                                           \
        if (!(expression))                                                                         \
            test_fail(__FILE_NAME__, __LINE__, #expression);                                       \
    } while (0)

#define REQUIRE(expression)                                                                        \
    do {                                                                                           \
        if (!(expression)) {                                                                       \
            test_fail(__FILE_NAME__, __LINE__, #expression);                                       \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#endif
