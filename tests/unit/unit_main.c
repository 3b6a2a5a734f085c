/* Runs the unit tests, each in a process of its own, on all that register themselves. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct unit_test *unit_tests;
static bool unit_failed;
static uint64_t unit_seed = 0x7465726e;
static uint64_t unit_state;

void unit_register(struct unit_test *test)
{
    struct unit_test **link = &unit_tests;
    while (*link != NULL && strcmp((*link)->name, test->name) < 0)
        link = &(*link)->next;
    test->next = *link;
    *link = test;
}

void unit_fail(const char *file, int line, const char *expression)
{
    fprintf(stderr, "%s:%d: expected %s (seed %llu)\n", file, line, expression,
            (unsigned long long)unit_seed);
    unit_failed = true;
}

_Noreturn void unit_end(void)
{
    fflush(NULL);
    exit(unit_failed ? 1 : 0);
}

/* splitmix64 */
uint64_t unit_random(void)
{
    unit_state += 0x9e3779b97f4a7c15u;
    uint64_t z = unit_state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int unit_child(void (*run)(void *), void *context, bool quiet)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(2);
    }
    if (child == 0) {
        if (quiet && freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        run(context);
        unit_end();
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child)
        exit(2);
    return status;
}

bool unit_panics(void (*run)(void *context), void *context)
{
    int status = unit_child(run, context, true);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void unit_run(void *context)
{
    unit_state = unit_seed;
    ((struct unit_test *)context)->run();
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0;
    const char *filter = argc > 1 ? argv[1] : "";
    if (getenv("SEED") != NULL)
        unit_seed = strtoull(getenv("SEED"), NULL, 0);
    for (struct unit_test *test = unit_tests; test != NULL; test = test->next) {
        if (strstr(test->name, filter) == NULL)
            continue;
        int status = unit_child(unit_run, test, false);
        if (status == 0) {
            passed++;
            continue;
        }
        failed++;
        printf("FAIL %s (%s), status 0x%x\n", test->name, test->file, (unsigned)status);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0 || passed == 0;
}
