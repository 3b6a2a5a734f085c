/*
 * Ports under true concurrency: host threads are CPUs, on which threads call, answer, send, signal,
 * receive, suspend, derive and revoke at the same time, by the kernel's own way in. Nothing may be
 * lost or come twice. Also built under ThreadSanitizer.
 */
#include "caps_model.h"
#include "cpus.h"
#include "host.h"
#include "ipc/port.h"
#include "lib/assert.h"
#include "sched/clock.h"
#include "sched/place.h"
#include "sched/sched.h"
#include "selftest/check.h"
#include "syscall/call.h"
#include "syscall/entry.h"
#include "unit.h"

#define CPUS     3
#define CLIENTS  4
#define SERVERS  2
#define ROUNDS   400
#define TROUBLES 300
#define PAGES    UINT64_C(0x100000)

enum role { FILLER, CLIENT, SERVER, COLLECTOR, TROUBLE };

/* What a thread does in user mode; its CPU alone looks at it while it runs. */
struct program {
    enum role role;
    struct thread *thread;
    uint32_t number, state;
    uint64_t round;
    slot_t reply;
};

static struct program programs[CPUS + CLIENTS + SERVERS + 2];
static uint32_t program_count;
static struct process *process;
static slot_t calls_port, sends_port, victim;
static _Atomic(uint32_t) clients_done;
static _Atomic(uint64_t) collected, served, answered, signalled, troubles, wrong;

/*
 * Looks without a lock or an atomic, at what others write: a guess that a barrier makes good
 * (sched.c, queue.c, stop.c say how). All else that ThreadSanitizer finds is an error.
 */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race_top:shard_empty\nrace_top:sched_outranks\nrace_top:sched_poke\n"
           "race_top:announce\nrace_top:sched_claim\nrace_top:thread_poke\n";
}

static slot_t give(struct object *object)
{
    struct slot *slot;
    error_t error = slot_reserve(&process->table, &slot);
    assert(error == OK);
    cap_make(slot, object, (rights_t){RIGHTS_ALL}, 0);
    return slot_handle(slot);
}

static slot_t port_give(uint32_t depth)
{
    struct port *port;
    error_t error = port_create(job_root, depth, &port);
    assert(error == OK);
    return give(&port->object);
}

static struct program *program_start(enum role role, uint32_t number)
{
    struct program *program = &programs[program_count];
    struct sched_params params = {.policy = {.class = SCHED_high, .priority = 40}};
    *program = (struct program){.role = role, .number = number};
    if (role == FILLER) {
        params.policy = (struct sched_policy){.class = SCHED_low, .priority = 4};
        params.affinity[0] = (uint64_t)1 << number;
    }
    error_t error =
        thread_create(process, (uaddr_t){PAGES + program_count * PAGE_SIZE}, &program->thread);
    if (error == OK)
        error = sched_set(program->thread, &params);
    /* The stack pointer says whose registers they are. */
    if (error == OK)
        error = thread_start(program->thread, (uaddr_t){PAGE_SIZE}, (uaddr_t){program_count}, 0);
    assert(error == OK);
    object_put(&program->thread->object);
    program_count++;
    return program;
}

static void call(struct trap_frame *frame, uint64_t number, uint64_t on, uint64_t other)
{
    frame->control = number;
    frame->operand[0] = on;
    frame->operand[1] = other;
    frame->operand[2] = DEADLINE_NEVER;
}

static void expect(bool holds)
{
    if (!holds)
        atomic_fetch_add(&wrong, 1);
}

/* --- what they do --- */

static void client_step(struct program *program, struct trap_frame *frame)
{
    switch (program->state++ % 3) {
    case 0:
        expect(program->state == 1 || frame->control == OK);
        if (program->round++ == ROUNDS) {
            atomic_fetch_add(&clients_done, 1);
            call(frame, CALL_thread_exit, 0, 0);
            return;
        }
        call(frame, CALL_port_call, calls_port.value, 0);
        frame->word[0] = program->round;
        break;
    case 1:
        expect(frame->control == OK && frame->word[0] == program->round + 1);
        atomic_fetch_add(&answered, 1);
        call(frame, CALL_port_send, sends_port.value, 0);
        frame->word[0] = program->round;
        break;
    default:
        expect(frame->control == OK);
        call(frame, CALL_port_signal, sends_port.value, 0);
        frame->word[0] = (uint64_t)1 << program->number;
    }
}

static void server_step(struct program *program, struct trap_frame *frame)
{
    if (program->state++ == 0) {
        call(frame, CALL_port_receive, calls_port.value, program->reply.value);
        return;
    }
    expect(frame->control == (uint64_t)MESSAGE_call << CONTROL_KIND_SHIFT);
    atomic_fetch_add(&served, 1);
    frame->word[0]++;
    call(frame, CALL_port_reply_receive, calls_port.value, program->reply.value);
}

static void collector_step(struct program *program, struct trap_frame *frame)
{
    uint64_t kind = control_kind(frame->control);
    expect(program->state == 0 || kind == MESSAGE_send || kind == MESSAGE_signal);
    if (program->state++ != 0 && kind == MESSAGE_send)
        atomic_fetch_add(&collected, frame->word[0]);
    else if (program->state > 1)
        atomic_fetch_or(&signalled, frame->word[0]);
    call(frame, CALL_port_receive, sends_port.value, 0);
}

/* Stops a server and lets it go on; derives a capability by which calls are made, and revokes. */
static void trouble_step(struct program *program, struct trap_frame *frame)
{
    static const uint8_t numbers[] = {CALL_thread_suspend, CALL_cap_derive, CALL_thread_resume,
                                      CALL_cap_derive, CALL_cap_revoke};
    uint32_t step = program->state++ % 5;
    expect(frame->control == OK);
    if (atomic_load(&troubles) == TROUBLES) {
        call(frame, CALL_yield, 0, 0);
        return;
    }
    atomic_fetch_add(&troubles, step == 4);
    call(frame, numbers[step], step % 2 == 0 && step < 4 ? victim.value : calls_port.value, 0);
    frame->word[0] = RIGHTS_ALL;
    frame->word[1] = 0;
}

static void program_step(struct thread *thread)
{
    struct program *program = &programs[thread->frame.sp];
    assert(program->thread == thread);
    if (program->role == CLIENT)
        client_step(program, &thread->frame);
    else if (program->role == SERVER)
        server_step(program, &thread->frame);
    else if (program->role == COLLECTOR)
        collector_step(program, &thread->frame);
    else if (program->role == TROUBLE)
        trouble_step(program, &thread->frame);
    else
        call(&thread->frame, CALL_yield, 0, 0);
}

/* --- CPUs --- */

static void leave(struct user_exit end)
{
    if (end.message != &end.thread->frame)
        frame_copy_message(&end.thread->frame, end.message);
}

static void interrupts(struct cpu *cpu)
{
    if (cpu->timer_at != 0 && cpu->timer_at <= arch_counter())
        clock_interrupt();
    cpu_serve();
    reclaim_quiescent(cpu);
    if (cpu->reclaiming || atomic_load(&cpu->reschedule) || cpu->current->attention != 0)
        leave(user_leave(cpu));
}

/* All that was sent has come, and all that stopped has gone on. */
static bool finished(void)
{
    return atomic_load(&clients_done) == CLIENTS &&
           atomic_load(&collected) == (uint64_t)CLIENTS * ROUNDS * (ROUNDS + 1) / 2 &&
           atomic_load(&signalled) == (1 << CLIENTS) - 1 && atomic_load(&troubles) == TROUBLES;
}

static void run(void *argument)
{
    struct cpu *cpu = argument;
    (void)arch_irq_save();
    leave(user_leave(cpu));
    while (!finished()) {
        program_step(cpu->current);
        leave(syscall_enter(cpu, cpu->current));
        interrupts(cpu);
    }
    (void)arch_irq_restore(true);
}

static void start(void)
{
    cpus_make(CPUS);
    caps_start();
    error_t error = clock_init();
    if (error == OK)
        error = sched_start();
    for (uint32_t i = 1; error == OK && i < CPUS; i++) {
        error = sched_cpu_make(cpu_table[i]);
        sched_cpu_add(cpu_table[i]);
    }
    caps_add_cpus();
    if (error == OK)
        error = process_create(job_root, &process);
    assert(error == OK);
    object_put(&process->object);
    calls_port = port_give(0);
    sends_port = port_give(2);
}

TEST(ports_cpus_nothing_lost_nothing_twice)
{
    struct reply *reply;
    start();
    (void)arch_irq_save();
    for (uint32_t i = 0; i < CPUS; i++)
        (void)program_start(FILLER, i);
    for (uint32_t i = 0; i < SERVERS; i++) {
        REQUIRE(reply_create(job_root, &reply) == OK);
        slot_t handle = give(&reply->object);
        struct program *server = program_start(SERVER, i);
        server->reply = handle;
        victim = give(&server->thread->object);
    }
    for (uint32_t i = 0; i < CLIENTS; i++)
        (void)program_start(CLIENT, i);
    (void)program_start(COLLECTOR, 0);
    (void)program_start(TROUBLE, 0);
    cpus_start(run);
    run(&boot_cpu);
    cpus_finish();
    EXPECT(atomic_load(&wrong) == 0);
    EXPECT(atomic_load(&answered) == CLIENTS * ROUNDS && atomic_load(&served) == CLIENTS * ROUNDS);
    slot_table_check(&process->table);
}
