/*
 * Services: how subsystems reach each other by type and privilege (row B8).
 *
 * A service is a struct of functions, one row in service.def. Its subsystem provides it once,
 * when it starts; others look it up with their own privilege. For each row there are
 *
 *     const struct NAME_service *service_NAME(enum subsystem_privilege caller, error_t *error);
 *     error_t service_provide_NAME(const struct NAME_service *service);
 *
 * A lookup gives NULL and denied if the caller's privilege is too low, or not_found if nobody
 * has provided it. Providing twice is refused with exists. A service is never taken back.
 * No lock: the slots are atomic pointers, written once.
 */
#pragma once

#include "boot/subsystem.h"
#include "lib/error.h"
#include "mem/frame.h"
#include "mem/heap.h"
#include "trace/log.h"

struct clock_service {
    uint64_t (*now)(void);
    uint64_t (*waited)(void);
    uint64_t (*hertz)(void);
    const char *(*text)(void);
};

struct console_service {
    void (*write)(enum log_level level, const char *text, size_t size);
    void (*names)(char *text, size_t size);
    uint32_t (*dropped)(void);
};

struct interrupt_service {
    error_t (*attach)(uint32_t line, void (*handler)(void *context), void *context);
    void (*detach)(uint32_t line);
    void (*text)(char *text, size_t size);
};

struct memory_service {
    uint32_t (*node_count)(void);
    void (*node_stats)(uint32_t node, struct frame_stats *stats);
    void (*heap_stats)(int class_index, struct heap_stats *stats);
    int (*heap_class_count)(void);
    size_t (*heap_class_size)(int class_index);
};

struct power_service {
    void (*off)(uint32_t status); /* do not return */
    void (*reboot)(void);
    const char *(*text)(void);
};

#define SERVICE(name, type, privilege, what)                                                       \
    const type *service_##name(enum subsystem_privilege caller, error_t *error);                   \
    error_t service_provide_##name(const type *service);
#include "boot/service.def"
#undef SERVICE

/* A row as the monitor lists it. */
struct service_row {
    const char *name;
    const char *what;
    enum subsystem_privilege privilege;
    bool provided;
};

void service_each(void (*each)(const struct service_row *row));
