/* Ranges of I/O ports (ioport.h). */
#include "obj/ioport.h"
#include "arch/boot.h"

#define PORTS 65536u

error_t ioport_create(struct job *job, uint32_t first, uint32_t count, struct ioport **result)
{
    struct object *object;
    if (count == 0 || first >= PORTS || count > PORTS - first)
        return ERR_bad_argument;
    error_t error = arch_port_check(first, count);
    if (error == OK)
        error = object_make(job, OBJECT_ioport, sizeof(struct ioport), &object);
    if (error != OK)
        return error;
    *result = CONTAINER_OF(object, struct ioport, object);
    (*result)->first = first;
    (*result)->count = count;
    return OK;
}

error_t ioport_check(const struct ioport *ioport, uint64_t port, uint64_t bytes)
{
    bool size = bytes == 1 || bytes == 2 || bytes == 4;
    if (!size || port < ioport->first || port >= ioport->first + ioport->count ||
        bytes > ioport->first + ioport->count - port)
        return ERR_bad_argument;
    return arch_port_check((uint32_t)port, (uint32_t)bytes);
}

const struct object_ops ioport_ops = {.name = "ioport", .free = object_free};
