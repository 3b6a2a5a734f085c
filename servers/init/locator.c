/* The locator (locator.h). */
#include "locator.h"
#include "lib/string.h"
#include "sys/thread.h"

#define IPC_PROTOCOL locator
#define IPC_LIST     <ipc/locator.def>
#include "rt/ipc_server.h"

#define SERVICES_MOST 32
#define SEEKERS_MOST  32

struct service {
    char name[NAME_MOST];
    slot_t port; /* 0: the place is free */
    uint32_t provider;
};

/* A call that waits for a service. */
struct seeker {
    char name[NAME_MOST];
    slot_t reply; /* 0: the place is free */
    uint32_t which;
};

/* What a handler is told. */
struct asker {
    const struct system *system;
    const struct entry *entry;
    uint32_t which;
    slot_t *reply;
};

static struct service services[SERVICES_MOST];
static struct seeker seekers[SEEKERS_MOST];

static struct service *service_find(const char *name)
{
    for (struct service *at = services; at < services + SERVICES_MOST; at++)
        if (at->port.value != 0 && strcmp(at->name, name) == 0)
            return at;
    return NULL;
}

static struct service *service_free(void)
{
    for (struct service *at = services; at < services + SERVICES_MOST; at++)
        if (at->port.value == 0)
            return at;
    return NULL;
}

/* A capability to call it, with a badge that says who does. */
static error_t service_share(const struct service *service, uint32_t which, slot_t *port)
{
    return tern_cap_derive(service->port, (rights_t){RIGHT_send | RIGHT_signal | RIGHT_grant},
                           which + 1, port);
}

/* `service` NULL: there will be none. */
static void seeker_answer(struct seeker *seeker, const struct service *service)
{
    struct ipc ipc = {.words = 1};
    slot_t port = {0};
    error_t error = service != NULL ? service_share(service, seeker->which, &port) : ERR_not_found;
    if (error == OK)
        ipc_put_cap(&ipc, port);
    ipc_answer(&ipc, error);
    if (tern_port_reply(seeker->reply, &ipc.message) != OK && port.value != 0)
        (void)tern_cap_delete(port);
    (void)tern_cap_delete(seeker->reply);
    seeker->reply = (slot_t){0};
}

static error_t locator_serve_offer(void *context, struct ipc *ipc, const char *name, slot_t port)
{
    const struct asker *asker = context;
    (void)ipc;
    if (strcmp(asker->entry->provides, name) != 0)
        return ERR_denied;
    struct service *service = service_find(name);
    if (service != NULL)
        (void)tern_cap_delete(service->port);
    else if ((service = service_free()) == NULL)
        return ERR_full;
    (void)string_copy(service->name, sizeof(service->name), name);
    service->port = port;
    service->provider = asker->which;
    for (struct seeker *at = seekers; at < seekers + SEEKERS_MOST; at++)
        if (at->reply.value != 0 && strcmp(at->name, name) == 0)
            seeker_answer(at, service);
    return OK;
}

static bool is_user(const struct entry *entry, const char *name)
{
    for (uint32_t i = 0; i < entry->use_count; i++)
        if (strcmp(entry->uses[i], name) == 0)
            return true;
    return false;
}

/* The call's reply object stays with it; the next receive has a new one. */
static error_t seek(struct asker *asker, const char *name)
{
    slot_t fresh;
    for (struct seeker *at = seekers; at < seekers + SEEKERS_MOST; at++) {
        if (at->reply.value != 0)
            continue;
        error_t error = sys_reply_create(&fresh);
        if (error != OK)
            return error;
        (void)string_copy(at->name, sizeof(at->name), name);
        at->reply = *asker->reply;
        at->which = asker->which;
        *asker->reply = fresh;
        return IPC_LATER;
    }
    return ERR_full;
}

/* Somebody provides it who has not ended for good. */
static bool may_come(const struct system *system, const char *name)
{
    for (uint32_t i = 0; i < system->manifest.count; i++)
        if (strcmp(system->manifest.entries[i].provides, name) == 0 &&
            system->programs[i].state != PROGRAM_ENDED)
            return true;
    return false;
}

static error_t locator_serve_find(void *context, struct ipc *ipc, const char *name, slot_t *port)
{
    struct asker *asker = context;
    (void)ipc;
    if (!is_user(asker->entry, name))
        return ERR_denied;
    const struct service *service = service_find(name);
    if (service != NULL)
        return service_share(service, asker->which, port);
    return may_come(asker->system, name) ? seek(asker, name) : ERR_not_found;
}

void locator_take(struct system *system, uint32_t which, struct message *message, slot_t *reply)
{
    struct asker asker = {system, system->programs[which].entry, which, reply};
    struct ipc ipc = {.message = *message, .page = sys_page};
    if (locator_dispatch(&asker, &ipc) != IPC_LATER)
        (void)tern_port_reply(*reply, &ipc.message);
}

void locator_forget(uint32_t which)
{
    for (struct service *at = services; at < services + SERVICES_MOST; at++)
        if (at->port.value != 0 && at->provider == which) {
            (void)tern_cap_delete(at->port);
            at->port = (slot_t){0};
        }
    for (struct seeker *at = seekers; at < seekers + SEEKERS_MOST; at++)
        if (at->reply.value != 0 && at->which == which) {
            (void)tern_cap_delete(at->reply);
            at->reply = (slot_t){0};
        }
}

void locator_settle(const struct system *system)
{
    for (struct seeker *at = seekers; at < seekers + SEEKERS_MOST; at++)
        if (at->reply.value != 0 && !may_come(system, at->name))
            seeker_answer(at, NULL);
}
