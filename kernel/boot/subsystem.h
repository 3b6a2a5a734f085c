/*
 * The start-up ladder: subsystems register themselves, and the ladder starts them in order.
 *
 * A subsystem names its level (level.def), its needs (names of others, space separated), its
 * privilege, and what starts and stops it. Levels are climbed in order; within one, needs come
 * first, then the order of names. A need on a higher level, an unknown need or a circle is
 * refused at boot with a sentence. Power-off stops them in reverse order.
 *
 * The registration lives in the linker section "subsystems"; nothing else lists them.
 */
#pragma once

#include "lib/error.h"
#include "lib/types.h"

enum subsystem_level {
#define LEVEL(name, what) LEVEL_##name,
#include "boot/level.def"
#undef LEVEL
    LEVEL_COUNT
};

/* What a subsystem may do: look up services of its own privilege and of less trusted ones. */
enum subsystem_privilege {
    PRIVILEGE_CORE,   /* the kernel proper: may look up everything */
    PRIVILEGE_DRIVER, /* device code inside the kernel */
    PRIVILEGE_TOOL,   /* monitor and self tests: may look up what is marked for all */
};

enum subsystem_state {
    SUBSYSTEM_WAITING,
    SUBSYSTEM_STARTED,
    SUBSYSTEM_FAILED, /* start returned an error; who needs it fails too */
    SUBSYSTEM_ABSENT, /* start returned ERR_unsupported: this machine has none; needs still met */
    SUBSYSTEM_STOPPED,
};

struct subsystem {
    const char *name;
    enum subsystem_level level;
    const char *needs;
    enum subsystem_privilege privilege;
    error_t (*start)(void);
    void (*stop)(void); /* NULL: nothing to stop */
    /* Written by the ladder. */
    enum subsystem_state state;
    error_t error;
    uint64_t start_ns; /* how long starting took */
    uint32_t order;    /* its place in the order, from 1 */
};

#define SUBSYSTEM(identifier, ...)                                                                 \
    static struct subsystem subsystem_##identifier                                                 \
        __attribute__((used, section("subsystems"), aligned(8))) = {.name = #identifier,           \
                                                                    __VA_ARGS__};

/* The name of a level in level.def. */
const char *subsystem_level_name(enum subsystem_level level);

/* Computes the order of `count` subsystems into their `order` fields; see the rules above. */
error_t ladder_order(struct subsystem *all, uint32_t count, char *why, size_t why_size);

/* Orders and starts all registered subsystems; panics if the order is refused. */
void ladder_climb(void);

/*
 * For a panic before the ladder got there: starts what waits on `level`, needs or not. What can
 * not work yet fails.
 */
void ladder_rescue(enum subsystem_level level);

/* Stops the started ones in reverse order. */
void ladder_descend(void);

/* All registered subsystems in starting order: calls `each`. */
void ladder_each(void (*each)(const struct subsystem *subsystem));
