/*
 * Native test: ports, reply objects, signals, messages between the threads of one process.
 *
 * The server is a thread that answers calls until it is told to end; its words say what it was
 * sent and by which badge.
 */
#include "lib/types.h"
#include "sys/message.h"
#include "sys/thread.h"
#include "test.h"
#include <root.h>
#include <state.h>
#include <stdatomic.h>

#define STACK_SIZE  16384
#define WAIT_NS     UINT64_C(20000000000)
#define SERVERS     4
#define LABEL_ECHO  1
#define LABEL_LEAVE 2 /* works for so many nanoseconds, answers, then ends */
#define WORK        UINT64_C(20000000)
#define LABEL_DROP  3 /* deletes its reply object with the call unanswered, then ends */

struct server {
    slot_t port, reply, thread;
    uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
};
static struct server servers[SERVERS];

static error_t receive(struct server *server, struct message *message)
{
    return tern_port_receive(server->port, server->reply, message, DEADLINE_NEVER);
}

/* The message page of this thread: first and last byte are raised by one. */
static void raise_bytes(uint8_t *page, uint32_t bytes)
{
    if (bytes > 1) {
        page[0]++;
        page[bytes - 1]++;
    }
}

static uint64_t now(void)
{
    uint64_t time = 0;
    (void)tern_clock_read(&time);
    return time;
}

static uint64_t server_run(void *argument, void *page)
{
    struct server *server = argument;
    struct message message = {0};
    error_t error = receive(server, &message);
    while (error == OK && message.label == LABEL_ECHO) {
        message.word[5] = message.badge;
        for (unsigned i = 0; i < 5; i++)
            message.word[i]++;
        raise_bytes(page, message.bytes);
        error = tern_port_reply_receive(server->port, server->reply, &message, DEADLINE_NEVER);
    }
    for (uint64_t until = now() + message.word[0]; message.label == LABEL_LEAVE && now() < until;)
        continue;
    if (error == OK && message.label == LABEL_LEAVE)
        error = tern_port_reply(server->reply, &message);
    EXPECT(error == OK);
    EXPECT(tern_cap_delete(server->reply) == OK);
    return 0;
}

/* On a port of its own, or on that of another. */
static bool server_start(struct server *server, slot_t port)
{
    server->port = port;
    error_t error = OK;
    if (port.value == 0)
        error = sys_port_create(0, &server->port);
    if (error == OK)
        error = sys_reply_create(&server->reply);
    if (error == OK)
        error = sys_thread_start(server_run, server, server->stack, sizeof(server->stack),
                                 &server->thread);
    EXPECT(error == OK);
    return error == OK;
}

/* Until it is dead: its stack is another's then. */
static void server_end(struct server *server)
{
    const struct state_thread_basic *state = sys_page;
    uint64_t size, next;
    do
        (void)tern_yield();
    while (tern_object_info(server->thread, STATE_thread_basic, 0, &size, &next) == OK &&
           state->wait != WAIT_DEAD);
    EXPECT(state->wait == WAIT_DEAD && tern_cap_delete(server->thread) == OK);
}

static void server_leave(struct server *server)
{
    struct message message = {.label = LABEL_LEAVE};
    EXPECT(tern_port_call(server->port, &message, DEADLINE_NEVER) == OK);
    server_end(server);
}

static void echo(slot_t port, uint64_t number, uint64_t badge)
{
    struct message message = {.label = LABEL_ECHO};
    for (unsigned i = 0; i < 5; i++)
        message.word[i] = number * 10 + i;
    EXPECT(tern_port_call(port, &message, DEADLINE_NEVER) == OK);
    for (unsigned i = 0; i < 5; i++)
        EXPECT(message.word[i] == number * 10 + i + 1);
    EXPECT(message.word[5] == badge);
    EXPECT(message.label == LABEL_ECHO);
}

TEST(ipc_call_and_reply)
{
    REQUIRE(server_start(&servers[0], (slot_t){0}));
    for (uint64_t i = 0; i < 1000; i++)
        echo(servers[0].port, i, 0);
    server_leave(&servers[0]);
    EXPECT(tern_cap_delete(servers[0].port) == OK);
}

TEST(ipc_bytes)
{
    static const uint32_t sizes[] = {2, 3, 64, 511, 4095, 4096};
    uint8_t *page = sys_page;
    REQUIRE(server_start(&servers[0], (slot_t){0}));
    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        struct message message = {.label = LABEL_ECHO, .bytes = sizes[i]};
        page[0] = 10;
        page[sizes[i] - 1] = 20;
        EXPECT(tern_port_call(servers[0].port, &message, DEADLINE_NEVER) == OK);
        EXPECT(message.bytes == sizes[i]);
        EXPECT(page[0] == 11 && page[sizes[i] - 1] == 21);
    }
    struct message message = {.label = LABEL_ECHO, .bytes = MESSAGE_PAGE + 1};
    EXPECT(tern_port_call(servers[0].port, &message, DEADLINE_NEVER) == ERR_bad_argument);
    server_leave(&servers[0]);
    EXPECT(tern_cap_delete(servers[0].port) == OK);
}

TEST(ipc_badge_and_rights)
{
    REQUIRE(server_start(&servers[0], (slot_t){0}));
    slot_t badged = {0}, mute = {0}, again = {0};
    EXPECT(tern_cap_derive(servers[0].port, (rights_t){RIGHT_send}, 77, &badged) == OK);
    EXPECT(tern_cap_derive(servers[0].port, (rights_t){RIGHT_receive}, 0, &mute) == OK);
    EXPECT(tern_cap_derive(badged, (rights_t){RIGHTS_ALL}, 78, &again) == ERR_denied);
    echo(badged, 5, 77);
    struct message message = {.label = LABEL_ECHO};
    EXPECT(tern_port_call(mute, &message, DEADLINE_NEVER) == ERR_denied);
    EXPECT(tern_port_receive(badged, (slot_t){0}, &message, DEADLINE_POLL) == ERR_denied);
    EXPECT(tern_cap_revoke(servers[0].port) == OK);
    EXPECT(tern_port_call(badged, &message, DEADLINE_NEVER) == ERR_bad_slot);
    server_leave(&servers[0]);
    EXPECT(tern_cap_delete(servers[0].port) == OK);
}

/* Receivers are equals, wherever they run; each call is answered once. */
TEST(ipc_many_servers)
{
    slot_t port = {0};
    REQUIRE(sys_port_create(0, &port) == OK);
    for (unsigned i = 0; i < SERVERS; i++)
        REQUIRE(server_start(&servers[i], port));
    for (uint64_t i = 0; i < 2000; i++)
        echo(port, i, 0);
    struct message message = {.label = LABEL_LEAVE};
    for (unsigned i = 0; i < SERVERS; i++)
        EXPECT(tern_port_call(port, &message, DEADLINE_NEVER) == OK);
    for (unsigned i = 0; i < SERVERS; i++)
        server_end(&servers[i]);
    EXPECT(tern_cap_delete(port) == OK);
}

static uint64_t own_time(void)
{
    const struct state_thread_basic *basic = sys_page;
    uint64_t size, next;
    EXPECT(tern_object_info(root_slot(ROOT_SLOT_THREAD), STATE_thread_basic, 0, &size, &next) ==
           OK);
    return basic->cpu_time;
}

/* Also if the server answers and goes on itself. */
TEST(ipc_caller_pays_for_the_work)
{
    struct message message = {.label = LABEL_LEAVE, .word = {WORK}};
    REQUIRE(server_start(&servers[0], (slot_t){0}));
    uint64_t before = own_time();
    EXPECT(tern_port_call(servers[0].port, &message, DEADLINE_NEVER) == OK);
    EXPECT(own_time() - before >= WORK);
    server_end(&servers[0]);
    EXPECT(tern_cap_delete(servers[0].port) == OK);
}

TEST(ipc_unanswered_call)
{
    REQUIRE(server_start(&servers[0], (slot_t){0}));
    struct message message = {.label = LABEL_DROP};
    EXPECT(tern_port_call(servers[0].port, &message, DEADLINE_NEVER) == ERR_unanswered);
    server_end(&servers[0]);
    EXPECT(tern_cap_delete(servers[0].port) == OK);
}

TEST(ipc_signals)
{
    slot_t port = {0};
    REQUIRE(sys_port_create(0, &port) == OK);
    struct message message = {0};
    slot_t none = {0};
    EXPECT(tern_port_receive(port, none, &message, DEADLINE_POLL) == ERR_would_block);
    EXPECT(tern_port_signal(port, 1) == OK);
    EXPECT(tern_port_signal(port, 6) == OK);
    EXPECT(tern_port_receive(port, none, &message, DEADLINE_NEVER) == OK);
    EXPECT(message.kind == MESSAGE_signal && message.word[0] == 7);
    EXPECT(tern_port_receive(port, none, &message, DEADLINE_POLL) == ERR_would_block);
    EXPECT(tern_cap_delete(port) == OK);
}

TEST(ipc_deadlines)
{
    slot_t port = {0};
    uint64_t now = 0, after = 0;
    struct message message = {0};
    REQUIRE(sys_port_create(0, &port) == OK);
    EXPECT(tern_clock_read(&now) == OK);
    EXPECT(tern_port_receive(port, (slot_t){0}, &message, now + 2000000) == ERR_timeout);
    EXPECT(tern_clock_read(&after) == OK);
    EXPECT(after >= now + 2000000);
    EXPECT(tern_port_receive(port, (slot_t){0}, &message, now) == ERR_timeout);
    EXPECT(tern_port_send(port, &message, DEADLINE_POLL) == ERR_would_block);
    EXPECT(tern_port_send(port, &message, after + 2000000) == ERR_timeout);
    EXPECT(tern_port_call(port, &message, after + 4000000) == ERR_timeout);
    EXPECT(tern_cap_delete(port) == OK);
}

/* A port of depth n holds n messages with their bytes, in the order they came. */
TEST(ipc_depth)
{
    slot_t port = {0};
    struct message message = {.bytes = 100};
    uint8_t *page = sys_page;
    REQUIRE(sys_port_create(3, &port) == OK);
    for (uint64_t i = 0; i < 3; i++) {
        message.word[0] = i;
        page[99] = (uint8_t)(40 + i);
        EXPECT(tern_port_send(port, &message, DEADLINE_POLL) == OK);
    }
    EXPECT(tern_port_send(port, &message, DEADLINE_POLL) == ERR_would_block);
    page[99] = 0;
    for (uint64_t i = 0; i < 3; i++) {
        EXPECT(tern_port_receive(port, (slot_t){0}, &message, DEADLINE_POLL) == OK);
        EXPECT(message.kind == MESSAGE_send && message.word[0] == i && message.bytes == 100);
        EXPECT(page[99] == 40 + i);
    }
    EXPECT(tern_cap_delete(port) == OK);
}

/* With nobody left to send, a receive ends; with nobody to receive, a send does. */
#define IN_ORDER 40000 /* messages; with several CPUs receiver and sender seldom run on one */

static uint64_t send_numbers(void *argument, void *page)
{
    const struct server *server = argument;
    (void)page;
    for (uint64_t i = 0; i < IN_ORDER; i++) {
        struct message message = {.word = {i}};
        EXPECT(tern_port_send(server->port, &message, DEADLINE_NEVER) == OK);
    }
    return 0;
}

/* What one thread sends comes in its order, by whichever way: stored, queued or handed over. */
TEST(ipc_order_of_one_sender)
{
    struct server *server = &servers[0];
    struct message message = {.label = 0};
    uint64_t disorder = 0;
    REQUIRE(sys_port_create(16, &server->port) == OK);
    REQUIRE(sys_thread_start(send_numbers, server, server->stack, sizeof(server->stack),
                             &server->thread) == OK);
    for (uint64_t i = 0; i < IN_ORDER; i++) {
        EXPECT(tern_port_receive(server->port, (slot_t){0}, &message, DEADLINE_NEVER) == OK);
        disorder += message.word[0] != i;
    }
    EXPECT(disorder == 0);
    server_end(server);
    EXPECT(tern_cap_delete(server->port) == OK);
}

TEST(ipc_dead_port)
{
    slot_t port = {0}, end = {0};
    struct message message = {0};
    REQUIRE(sys_port_create(0, &port) == OK);
    EXPECT(tern_cap_derive(port, (rights_t){RIGHT_receive}, 0, &end) == OK);
    EXPECT(tern_cap_delete(port) == OK);
    EXPECT(tern_port_receive(end, (slot_t){0}, &message, DEADLINE_NEVER) == ERR_dead);
    EXPECT(tern_cap_delete(end) == OK);
    REQUIRE(sys_port_create(0, &port) == OK);
    EXPECT(tern_cap_derive(port, (rights_t){RIGHT_send}, 0, &end) == OK);
    EXPECT(tern_cap_delete(port) == OK);
    EXPECT(tern_port_send(end, &message, DEADLINE_NEVER) == ERR_dead);
    EXPECT(tern_cap_delete(end) == OK);
}

static _Atomic(uint64_t) handed; /* a capability that came in a message */

static uint64_t take_capability(void *argument, void *page)
{
    (void)page;
    struct server *server = argument;
    struct message message = {0};
    EXPECT(tern_port_receive(server->port, (slot_t){0}, &message, DEADLINE_NEVER) == OK);
    EXPECT(message.caps == 1);
    atomic_store(&handed, message.word[5]);
    EXPECT(tern_port_signal((slot_t){message.word[5]}, 4) == OK);
    return 0;
}

TEST(ipc_capability_in_message)
{
    struct server *server = &servers[0];
    slot_t port = {0};
    REQUIRE(sys_port_create(0, &server->port) == OK && sys_port_create(0, &port) == OK);
    REQUIRE(sys_thread_start(take_capability, server, server->stack, sizeof(server->stack),
                             &server->thread) == OK);
    struct message message = {.caps = 1, .word = {[5] = port.value}};
    EXPECT(tern_port_send(server->port, &message, DEADLINE_NEVER) == OK);
    EXPECT(tern_port_receive(port, (slot_t){0}, &message, DEADLINE_NEVER) == OK);
    EXPECT(message.kind == MESSAGE_signal && message.word[0] == 4);
    server_end(server);
    slot_t copy = {atomic_load(&handed)};
    EXPECT(copy.value != 0 && copy.value != port.value);
    EXPECT(tern_cap_revoke(port) == OK);
    EXPECT(tern_port_signal(copy, 1) == ERR_bad_slot);
    EXPECT(tern_cap_delete(port) == OK && tern_cap_delete(server->port) == OK);
}

static uint64_t memory_used(void)
{
    uint64_t size = 0, next = 0;
    const struct state_job_basic *state = sys_page;
    EXPECT(tern_object_info(root_slot(ROOT_SLOT_JOB), STATE_job_basic, 0, &size, &next) == OK);
    return state->memory_used;
}

/* What was freed comes back after grace periods; so does what earlier tests left. */
static bool memory_back(uint64_t used)
{
    uint64_t now = 0, start = 0;
    EXPECT(tern_clock_read(&start) == OK);
    while (memory_used() > used && now < start + WAIT_NS) {
        tern_yield();
        EXPECT(tern_clock_read(&now) == OK);
    }
    return memory_used() <= used;
}

/* Capabilities in a stored message: moved and copied at once, revoked on the way, gone with it. */
TEST(ipc_capabilities_stored)
{
    slot_t queue = {0}, port = {0}, copy = {0};
    struct message message = {0};
    uint64_t before = memory_used();
    REQUIRE(sys_port_create(2, &queue) == OK && sys_port_create(0, &port) == OK);
    const rights_t given = {RIGHT_signal | RIGHT_grant | RIGHT_revoke};
    uint64_t used = memory_used();
    for (unsigned round = 0; round < 3; round++) {
        slot_t moved = {0};
        REQUIRE(tern_cap_derive(port, given, 1, &copy) == OK);
        REQUIRE(tern_cap_derive(port, given, 2, &moved) == OK);
        /* Words 4 and 5; bit 1: the second is moved. */
        message = (struct message){
            .caps = 2, .moved = 2, .bytes = 8, .word = {[4] = copy.value, [5] = moved.value}};
        EXPECT(tern_port_send(queue, &message, DEADLINE_POLL) == OK);
        EXPECT(tern_port_signal(moved, 1) == ERR_bad_slot);
        if (round == 1) /* what hangs on the copy goes out of the message too */
            EXPECT(tern_cap_revoke(copy) == OK);
        if (round == 2) /* and all that is not taken goes with the port */
            break;
        message = (struct message){0};
        EXPECT(tern_port_receive(queue, (slot_t){0}, &message, DEADLINE_POLL) == OK);
        EXPECT(message.caps == 2 && message.bytes == 8 && message.word[5] != 0);
        EXPECT((message.word[4] == 0) == (round == 1));
        EXPECT(tern_port_signal((slot_t){message.word[5]}, 3) == OK);
        EXPECT(tern_port_receive(port, (slot_t){0}, &message, DEADLINE_POLL) == OK);
        EXPECT(message.kind == MESSAGE_signal && message.word[0] == 2);
        EXPECT(tern_cap_revoke(port) == OK);
        EXPECT(memory_back(used));
    }
    EXPECT(tern_cap_delete(queue) == OK && tern_cap_delete(port) == OK);
    EXPECT(tern_port_signal(copy, 1) == OK);
    EXPECT(tern_cap_delete(copy) == OK);
    EXPECT(memory_back(before));
}

/* A capability that lets receive is not stored: a port in its own queue would stay for ever. */
TEST(ipc_receiver_not_stored)
{
    slot_t queue = {0};
    REQUIRE(sys_port_create(2, &queue) == OK);
    struct message message = {.caps = 1, .word = {[5] = queue.value}};
    EXPECT(tern_port_send(queue, &message, DEADLINE_POLL) == ERR_would_block);
    EXPECT(tern_cap_delete(queue) == OK);
}
