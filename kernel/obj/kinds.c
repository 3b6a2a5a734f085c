/* The kinds of objects: their tables of functions (each in its owner's file), and their names. */
#include "obj/object.h"

const struct object_ops *const object_kinds[OBJECT_KINDS] = {
    [OBJECT_job] = &job_ops,       [OBJECT_process] = &process_ops, [OBJECT_thread] = &thread_ops,
    [OBJECT_memory] = &memory_ops, [OBJECT_port] = &port_ops,       [OBJECT_reply] = &reply_ops,
    [OBJECT_timer] = &timer_ops,   [OBJECT_irq] = &irq_ops,         [OBJECT_ioport] = &ioport_ops,
    [OBJECT_device] = &device_ops,
};

static const char *const kind_names[OBJECT_KINDS] = {
    [OBJECT_NONE] = "none",
#define OBJECT(number, name, exportable, text) [OBJECT_##name] = #name,
#include <object.def>
#undef OBJECT
};

static const struct {
    uint8_t bit, kind; /* 0: every kind */
} kinds_of_rights[] = {
#define OBJECT_all                    0
#define RIGHT(bit, name, kinds, text) {(bit), OBJECT_##kinds},
#include <right.def>
#undef RIGHT
#undef OBJECT_all
};

/* Gathered from the list once; who comes at the same time stores the same. */
uint32_t object_kind_rights(uint32_t kind)
{
    static _Atomic(uint32_t) gathered[OBJECT_KINDS];
    uint32_t rights = atomic_load_explicit(&gathered[kind], memory_order_relaxed);
    if (__builtin_expect(rights != 0, 1))
        return rights;
    for (size_t i = 0; i < COUNT_OF(kinds_of_rights); i++)
        if (kinds_of_rights[i].kind == 0 || kinds_of_rights[i].kind == kind)
            rights |= 1u << kinds_of_rights[i].bit;
    atomic_store_explicit(&gathered[kind], rights, memory_order_relaxed);
    return rights;
}

const char *object_kind_name(uint32_t kind)
{
    return kind < OBJECT_KINDS ? kind_names[kind] : "unknown";
}
