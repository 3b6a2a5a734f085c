/* What can become ready (polling.h). */
#include "polling.h"
#include "lib/types.h"
#include <assert.h>

void pollable_init(struct pollable *pollable)
{
    queue_init(&pollable->queue);
    list_init(&pollable->watches);
}

void pollable_wake(struct pollable *pollable)
{
    queue_wake(&pollable->queue);
    LIST_EACH(node, &pollable->watches)
    {
        struct watch *watch = CONTAINER_OF(node, struct watch, among);
        watch->changed(watch);
    }
}

void pollable_end(struct pollable *pollable)
{
    assert(list_empty(&pollable->watches));
    queue_wake(&pollable->queue);
}
