/*
 * Native test: what there is of musl (lib/c/musl.list) does here what it does elsewhere; that it is
 * right is its makers' business. And errno, which each thread has for itself.
 */
#include "lib/types.h"
#include "sys/call.h"
#include "sys/thread.h"
#include "test.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <search.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int numbers_compare(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

TEST(clib_sort_and_search)
{
    static int numbers[1000];
    for (unsigned i = 0; i < COUNT_OF(numbers); i++)
        numbers[i] = (int)(i * 7919 % 1009);
    qsort(numbers, COUNT_OF(numbers), sizeof(int), numbers_compare);
    for (unsigned i = 1; i < COUNT_OF(numbers); i++)
        EXPECT(numbers[i - 1] < numbers[i]);
    int wanted = 500;
    const int *found = bsearch(&wanted, numbers, COUNT_OF(numbers), sizeof(int), numbers_compare);
    EXPECT(found != NULL && *found == wanted);
    void *tree = NULL;
    for (unsigned i = 0; i < COUNT_OF(numbers); i++)
        EXPECT(tsearch(&numbers[i], &tree, numbers_compare) != NULL);
    EXPECT(**(int **)tfind(&wanted, &tree, numbers_compare) == wanted);
    for (unsigned i = 0; i < COUNT_OF(numbers); i++)
        EXPECT(tdelete(&numbers[i], &tree, numbers_compare) != NULL);
    EXPECT(tree == NULL);
}

static bool prints(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool prints(const char *text, const char *format, ...)
{
    char buffer[64];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(buffer, sizeof(buffer), format, args);
    va_end(args);
    return length == (int)strlen(text) && strcmp(buffer, text) == 0;
}

TEST(clib_print)
{
    char buffer[8], *made = NULL;
    EXPECT(
        prints("-17 0x2a |  abc|abc  | 007", "%d %#x |%5s|%-5s| %03u", -17, 42, "abc", "abc", 7));
    EXPECT(prints("18446744073709551615 %", "%llu %%", ULLONG_MAX));
    EXPECT(prints("c 777 (null) 0x1000", "%c %o %s %p", 'c', 0777, (char *)NULL, (void *)0x1000));
    EXPECT(snprintf(buffer, sizeof(buffer), "%s", "longer than that") == 16);
    EXPECT(strcmp(buffer, "longer ") == 0);
    EXPECT(asprintf(&made, "%s-%d", "made", 5) == 6 && strcmp(made, "made-5") == 0);
    free(made);
    errno = ERANGE;
    EXPECT(prints("Result not representable", "%m"));
}

/* There is no floating point in programs: such a conversion is none. */
TEST(clib_print_no_floats)
{
    static const char *volatile const formats[] = {"%f", "%e", "%g", "%a", "%Lf", "%5.1F"};
    char buffer[32];
    for (unsigned i = 0; i < COUNT_OF(formats); i++) {
        const char *format = formats[i];
        errno = 0;
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wformat-nonliteral"
#pragma clang diagnostic ignored "-Wformat-security"
        EXPECT(snprintf(buffer, sizeof(buffer), format) == -1 && errno == EINVAL);
#pragma clang diagnostic pop
    }
}

TEST(clib_numbers)
{
    char *end;
    EXPECT(strtol("  -123abc", &end, 10) == -123 && strcmp(end, "abc") == 0);
    EXPECT(strtoul("0x1F", NULL, 0) == 31 && strtol("077", NULL, 0) == 63);
    errno = 0;
    EXPECT(strtol("9223372036854775808", NULL, 10) == LONG_MAX && errno == ERANGE);
    EXPECT(strtoll("+42", NULL, 10) == 42 && labs(-5L) == 5 && div(17, 5).rem == 2);
}

TEST(clib_strings)
{
    char text[32] = "one,two,,three", *rest = NULL;
    EXPECT(strcmp(strtok_r(text, ",", &rest), "one") == 0);
    EXPECT(strcmp(strtok_r(NULL, ",", &rest), "two") == 0);
    EXPECT(strcmp(strtok_r(NULL, ",", &rest), "three") == 0 && strtok_r(NULL, ",", &rest) == NULL);
    EXPECT(strstr("haystack with needle", "needle") != NULL && strstr("hay", "needle") == NULL);
    EXPECT(strcasecmp("TeRn", "tErN") == 0 && strnlen("long", 2) == 2);
    EXPECT(strrchr("a/b/c", '/')[1] == 'c' && strspn("aab", "a") == 2);
    EXPECT(memmem("abcde", 5, "cd", 2) != NULL && memchr("abc", 'c', 2) == NULL);
    EXPECT(isalpha('x') && !isalpha('1') && toupper('x') == 'X' && isspace('\t'));
    char *copy = strdup("copy");
    EXPECT(copy != NULL && strcmp(copy, "copy") == 0);
    free(copy);
}

TEST(clib_time)
{
    const time_t when = 1700000000;
    struct tm parts;
    char text[64];
    EXPECT(gmtime_r(&when, &parts) == &parts && timegm(&parts) == when);
    EXPECT(strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %a %Z", &parts) > 0);
    EXPECT(strcmp(text, "2023-11-14 22:13:20 Tue UTC") == 0);
}

static jmp_buf place;

static _Noreturn void jump(int value)
{
    longjmp(place, value);
}

TEST(clib_jump)
{
    volatile int passed = 0;
    int value = setjmp(place);
    passed = passed + 1;
    if (value == 0)
        jump(7);
    EXPECT(value == 7 && passed == 2);
}

#define THREADS 3u

static uint8_t stacks[THREADS][8192] __attribute__((aligned(16)));
static _Atomic(uint32_t) done;

static uint64_t own_errno(void *argument, void *page)
{
    const int number = (int)(uintptr_t)argument + 1;
    (void)page;
    EXPECT(errno == 0);
    errno = number;
    for (unsigned i = 0; i < 1000; i++) {
        EXPECT(errno == number);
        (void)tern_yield();
    }
    atomic_fetch_add(&done, 1);
    return 0;
}

TEST(clib_errno_is_each_threads)
{
    errno = 77;
    for (uint64_t i = 0; i < THREADS; i++) {
        slot_t thread = {0};
        REQUIRE(sys_thread_start(own_errno, (void *)i, stacks[i], sizeof(stacks[i]), &thread) ==
                OK);
        EXPECT(tern_cap_delete(thread) == OK);
    }
    while (atomic_load(&done) != THREADS)
        (void)tern_yield();
    EXPECT(errno == 77);
}
