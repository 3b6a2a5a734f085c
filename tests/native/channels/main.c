/*
 * Native test: a client of the service `console`, started by init beside the driver
 * (tests/boot/native.py, which says what the host has at the other ends):
 *
 *     t.in    a stream that ends            t.out   goes to a file that must be the same
 *     t.a     leads to t.b, and back
 *
 * Last it makes the driver fault, and goes on with the one that is started then.
 */
#include "rt/begin.h"
#include "rt/channel.h"
#include "sys/print.h"
#include "sys/thread.h"
#include <space.h>

#define IPC_PROTOCOL locator
#define IPC_LIST     <ipc/locator.def>
#include "rt/ipc_client.h"

#define IPC_PROTOCOL console
#define IPC_LIST     <ipc/console.def>
#include "rt/ipc_client.h"

#define STREAM_BYTES 100000u
#define LOOP_BYTES   400000u /* more than rings, driver and host hold together */
#define CHANNELS_VA  UINT64_C(0x200000000000)
#define STEP         (2 * RT_CHANNEL_BYTES)
#define QUIET_NS     UINT64_C(300000000)
#define LONG_NS      UINT64_C(30000000000)

struct link {
    const char *name;
    slot_t memory, bell;
    uint64_t va;
    struct rt_ring_end out, in;
};

static slot_t port, console;
static uint8_t bytes[5000]; /* no divisor of a ring */
static uint32_t links;

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail(__LINE__, #condition);                                                            \
    } while (0)

static _Noreturn void fail(int line, const char *condition)
{
    sys_print("channels, line %d: expected %s\n", line, condition);
    sys_exit(1);
}

static uint8_t stream_byte(uint32_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

static error_t service_find(void)
{
    return locator_find((slot_t){UINT64_C(1) << 32 | RT_SLOT_LOCATOR}, sys_page, "console",
                        &console);
}

/* The bit of its bell is the link's own. */
static error_t attach(struct link *link)
{
    slot_t memory, bell;
    uint64_t rights = RIGHT_read | RIGHT_write | RIGHT_map | RIGHT_grant;
    MUST(tern_cap_derive(link->memory, (rights_t){rights}, 0, &memory) == OK);
    MUST(tern_cap_derive(port, (rights_t){RIGHT_signal | RIGHT_grant}, 0, &bell) == OK);
    return console_attach(console, sys_page, link->name, 1, memory, bell, &link->bell);
}

static void link_make(struct link *link, const char *name)
{
    *link = (struct link){.name = name, .va = CHANNELS_VA + links++ * STEP};
    MUST(tern_object_create(root_slot(ROOT_SLOT_JOB), OBJECT_memory, (slot_t){0}, RT_CHANNEL_BYTES,
                            &link->memory) == OK);
    MUST(tern_space_map(root_slot(ROOT_SLOT_PROCESS), link->memory, 0, (uaddr_t){link->va},
                        RT_CHANNEL_BYTES, SPACE_READ | SPACE_WRITE) == OK);
    link->out = rt_channel_out((void *)link->va);
    link->in = rt_channel_in((void *)link->va);
}

/* False: no signal came in that time. */
static bool wait(uint64_t ns)
{
    struct message message = {0};
    uint64_t now = 0;
    MUST(tern_clock_read(&now) == OK);
    error_t error = tern_port_receive(port, (slot_t){0}, &message, now + ns);
    MUST(error == OK || error == ERR_timeout);
    return error == OK;
}

/* What of the stream from `*at` to `end` has room; false: none had. */
static bool stream_put(struct link *link, uint32_t *at, uint32_t end)
{
    bool signal = false;
    uint32_t size = end - *at < sizeof(bytes) ? end - *at : (uint32_t)sizeof(bytes);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = stream_byte(*at + i);
    uint32_t done = rt_ring_put(&link->out, bytes, size, &signal);
    if (signal)
        MUST(tern_port_signal(link->bell, 1) == OK);
    *at += done;
    return done != 0;
}

/* What there is, held against the stream; false: nothing was. */
static bool stream_get(struct link *link, uint32_t *at)
{
    bool signal = false;
    uint32_t right = 0, size = rt_ring_get(&link->in, bytes, sizeof(bytes), &signal);
    for (uint32_t i = 0; i < size; i++)
        right += bytes[i] == stream_byte(*at + i);
    MUST(right == size);
    if (signal)
        MUST(tern_port_signal(link->bell, 1) == OK);
    *at += size;
    return size != 0;
}

/* --- the tests --- */

static void errors(void)
{
    struct link none;
    link_make(&none, "t.none");
    MUST(attach(&none) == ERR_not_found);
    MUST(console_drain(console, sys_page, "t.none") == ERR_not_found);
    MUST(console_drain(console, sys_page, "t.out") == ERR_not_found); /* nobody has joined */
    MUST(console_detach(console, sys_page, "t.out") == ERR_not_found);
    sys_print("channels: errors ok\n");
}

/* First no more comes than the ring has room for; then all of it, and its end. */
static void copy(void)
{
    struct link in, out;
    uint32_t got = 0, put = 0;
    link_make(&in, "t.in");
    link_make(&out, "t.out");
    MUST(attach(&in) == OK && attach(&out) == OK);
    while (rt_ring_used(&in.in) < RT_RING_BYTES)
        (void)wait(QUIET_NS); /* nobody signals who has not found it empty */
    while (!rt_ring_ended(&in.in))
        if (!stream_get(&in, &got) && !rt_ring_ended(&in.in))
            MUST(wait(LONG_NS));
    MUST(got == STREAM_BYTES);
    while (put < STREAM_BYTES)
        if (!stream_put(&out, &put, STREAM_BYTES))
            MUST(wait(LONG_NS));
    MUST(console_drain(console, sys_page, "t.out") == OK);
    MUST(rt_ring_used(&out.out) == 0);
    MUST(console_detach(console, sys_page, "t.in") == OK);
    MUST(console_drain(console, sys_page, "t.in") == ERR_not_found);
    sys_print("channels: copy ok\n");
}

/* Nobody takes what is written, until it goes no further; then somebody does. */
static void hold_back(struct link *a, struct link *b)
{
    uint32_t got = 0, put = 0;
    link_make(a, "t.a");
    link_make(b, "t.b");
    MUST(attach(a) == OK);
    while (put < LOOP_BYTES && (stream_put(a, &put, LOOP_BYTES) || wait(QUIET_NS)))
        ;
    MUST(rt_ring_used(&a->out) == RT_RING_BYTES && put < LOOP_BYTES);
    MUST(attach(b) == OK);
    while (got < LOOP_BYTES) {
        bool moved = put < LOOP_BYTES && stream_put(a, &put, LOOP_BYTES);
        moved |= stream_get(b, &got);
        if (!moved)
            MUST(wait(LONG_NS));
    }
    MUST(console_drain(console, sys_page, "t.a") == OK && !rt_ring_ended(&b->in));
    sys_print("channels: hold back ok\n");
}

/* The driver faults at memory that is gone; another one is there soon, and has the device. */
static void restart(struct link *a, struct link *b)
{
    uint32_t got = 0, put = 0;
    slot_t before = console;
    MUST(console_detach(console, sys_page, "t.a") == OK);
    MUST(tern_memory_resize(b->memory, 0x1000) == OK);
    MUST(attach(a) == OK && stream_put(a, &put, sizeof(bytes)));
    error_t error = console_drain(console, sys_page, "t.a");
    while (error == OK)
        error = console_drain(console, sys_page, "t.b");
    MUST(error == ERR_dead || error == ERR_unanswered);
    do {
        MUST(tern_cap_delete(before) == OK);
        MUST(service_find() == OK);
        before = console;
    } while (attach(a) == ERR_dead);
    link_make(b, "t.b");
    MUST(attach(b) == OK);
    put = 0;
    while (got < LOOP_BYTES) {
        bool moved = put < LOOP_BYTES && stream_put(a, &put, LOOP_BYTES);
        moved |= stream_get(b, &got);
        if (!moved)
            MUST(wait(LONG_NS));
    }
    MUST(console_drain(console, sys_page, "t.a") == OK);
    sys_print("channels: restart ok\n");
}

int main(void)
{
    struct link a, b;
    (void)rt_begin();
    MUST(sys_port_create(PORT_DEPTH_MAX, &port) == OK);
    if (rt_arg(0) != NULL) { /* a machine without the device */
        MUST(service_find() == ERR_not_found);
        return 0;
    }
    MUST(service_find() == OK);
    errors();
    copy();
    hold_back(&a, &b);
    restart(&a, &b);
    return 0;
}
