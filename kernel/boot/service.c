/* The service table (service.h), made from service.def. */
#include "boot/service.h"
#include "lib/assert.h"
#include <stdatomic.h>

enum service {
#define SERVICE(name, type, privilege, what) SERVICE_##name,
#include "boot/service.def"
#undef SERVICE
    SERVICE_COUNT
};

static const struct service_row service_rows[SERVICE_COUNT] = {
#define SERVICE(name, type, privilege, what) [SERVICE_##name] = {#name, (what), (privilege), false},
#include "boot/service.def"
#undef SERVICE
};

/* Written once each, by service_put. */
static _Atomic(const void *) service_slots[SERVICE_COUNT];

static const void *service_get(enum service index, enum subsystem_privilege caller, error_t *error)
{
    const void *service = NULL;
    if (caller > service_rows[index].privilege) {
        *error = ERR_denied;
        return NULL;
    }
    service = atomic_load_explicit(&service_slots[index], memory_order_acquire);
    *error = service != NULL ? OK : ERR_not_found;
    return service;
}

static error_t service_put(enum service index, const void *service)
{
    const void *none = NULL;
    assert(service != NULL);
    bool first = atomic_compare_exchange_strong_explicit(
        &service_slots[index], &none, service, memory_order_release, memory_order_relaxed);
    return first ? OK : ERR_exists;
}

#define SERVICE(name, type, privilege, what)                                                       \
    const type *service_##name(enum subsystem_privilege caller, error_t *error)                    \
    {                                                                                              \
        return service_get(SERVICE_##name, caller, error);                                         \
    }                                                                                              \
    error_t service_provide_##name(const type *service)                                            \
    {                                                                                              \
        return service_put(SERVICE_##name, service);                                               \
    }
#include "boot/service.def"
#undef SERVICE

void service_each(void (*each)(const struct service_row *row))
{
    for (uint32_t i = 0; i < SERVICE_COUNT; i++) {
        struct service_row row = service_rows[i];
        row.provided = atomic_load_explicit(&service_slots[i], memory_order_acquire) != NULL;
        each(&row);
    }
}
