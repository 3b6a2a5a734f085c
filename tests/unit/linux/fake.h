/*
 * A fake of what the file half of the Linux personality stands on: programs' memory, waits, memory
 * objects, clocks, signals; and programs that make calls by the list, as the dispatcher does.
 *
 * Programs' memory is one arena of this process: addresses outside are -EFAULT.
 */
#ifndef FAKE_H
#define FAKE_H

#include "call_file.h"
#include "group.h"
#include "unit.h"
#include <string.h>

struct program {
    struct group group;
    struct task task;
    uint64_t arg[6];
    int64_t result;
    uint64_t signals; /* sent to it, a bit each by its number */
};

/* The tree, with /dev and /tmp, and a program of root's in it. Each test begins with it. */
struct program *fake_start(void);
/* Another one in its own session, with the standard descriptors of none. */
struct program *fake_program(uint32_t uid);
/* A child: the same open files, the same group of processes. */
struct program *fake_fork(struct program *parent);
/* It ends: its descriptors are closed. */
void fake_end(struct program *program);

/* Makes a call: its result, or WAIT. */
int64_t fake_call(struct program *program, enum linux_call number, const uint64_t *args);
#define DO(program, name, ...) fake_call((program), LINUX_##name, (const uint64_t[7]){__VA_ARGS__})
#define P(pointer)             ((uint64_t)(uintptr_t)(pointer))

/* Whether it waits; runs all that became ready, until nothing is; then what its call returned. */
bool fake_waits(const struct program *program);
void fake_run(void);
int64_t fake_result(struct program *program);
/* A signal comes while it waits: the handler runs again and is told so. */
void fake_interrupt(struct program *program);

/* Memory of programs: given until the test ends. The bytes behind it are not a program's. */
void *fake_memory(uint64_t size);
char *fake_text(const char *text);

extern uint64_t fake_now; /* nanoseconds; passing of deadlines: fake_pass */
void fake_pass(uint64_t nanoseconds);
extern uint64_t fake_budget;  /* bytes that stores may still take */
extern uint64_t fake_objects; /* memory objects that live */
extern unsigned fake_failing; /* of so many allocations within calls one fails; 0: none */

#endif
