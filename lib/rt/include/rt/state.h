/*
 * Objects' state by struct: object_info and object_set go through the calling thread's message
 * page, which is named here, so that any thread may use them.
 *
 *     struct state_job_basic state;
 *     error = RT_GET(page, job_slot, job, basic, &state);
 *     error = rt_set(page, job_slot, STATE_job_basic, STATE_BIT(job, basic, wx), &state,
 * sizeof(state), controller);
 */
#ifndef RT_STATE_H
#define RT_STATE_H

#include "lib/string.h"
#include "sys/call.h"
#include <state.h>

static inline error_t rt_set(void *page, slot_t object, uint64_t part, uint64_t fields,
                             const void *state, uint64_t size, slot_t job)
{
    memcpy(page, state, size);
    return tern_object_set(object, part, fields, size, job);
}

/* All of a part, of exactly `size` bytes. not_found: the kernel tells less. */
static inline error_t rt_get(const void *page, slot_t object, uint64_t part, uint64_t index,
                             void *state, uint64_t size)
{
    uint64_t told, next;
    error_t error = tern_object_info(object, part, index, &told, &next);
    if (error != OK)
        return error;
    if (told < size)
        return ERR_not_found;
    memcpy(state, page, size);
    return OK;
}

#define RT_GET(page, object, kind, part, state)                                                    \
    rt_get(page, object, STATE_##kind##_##part, 0, state, sizeof(struct state_##kind##_##part))

#endif
