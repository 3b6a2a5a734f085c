/*
 * The end, with a diagnosis (panic.h).
 *
 * Steps are counted: a fault inside a step comes back here and goes on with the next one, so a
 * panic always ends. Locks are abandoned first; consoles must bear that.
 */
#include "trace/panic.h"
#include "arch/boot.h"
#include "arch/cpu.h"
#include "arch/trap.h"
#include "boot/main.h"
#include "boot/subsystem.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "obj/thread.h"
#include "sched/cpu.h"
#include "syscall/call.h"
#include "trace/console.h"
#include "trace/log.h"
#include "trace/symbol.h"

#define PANIC_STATUS    2
#define PANIC_LOG_LINES 12
#define PANIC_FRAMES    24
#define PANIC_REPEATS   6 /* faults inside a panic that are borne */

static _Atomic(uint32_t) panic_owner; /* CPU number + 1 of the first to panic; 0: none */
static uint32_t panic_step;           /* the owner's alone, like all below */
static uint32_t panic_repeats;
static char panic_text[256];
static const struct trap_frame *panic_frame; /* NULL until there is one */
static bool panic_called;                    /* by panic(): the frame's pc is a return address */

bool panic_active(void)
{
    return atomic_load(&panic_owner) != 0;
}

static void panic_line(const char *text)
{
    console_print("  %s\n", text);
}

/*
 * A return address lies behind the call, which may be the last instruction of a function that
 * does not return: it is the byte before it that names the caller.
 */
static void panic_address(uintptr_t address, bool is_return)
{
    uint64_t offset = 0;
    uintptr_t back = is_return || (panic_called && address == trap_pc(panic_frame)) ? 1 : 0;
    const char *name = symbol_find(address - back, &offset);
    if (name != NULL)
        console_print("  0x%lx %s+0x%lx\n", address, name, offset + back);
    else
        console_print("  0x%lx\n", address);
}

static void panic_log_line(enum log_level level, uint64_t time_ns, const char *text)
{
    (void)level;
    console_print("  [%4lu.%06lu] %s\n", time_ns / 1000000000, time_ns / 1000 % 1000000, text);
}

static void step_stop(void)
{
    spinlock_abandon();
    uint32_t silent = cpu_stop_others();
    if (silent != 0)
        console_print("%u CPUs do not answer the stop request\n", silent);
}

/* Before the consoles' turn, the words would go nowhere. */
static void step_console(void)
{
    ladder_rescue(LEVEL_console);
}

static void step_say(void)
{
    console_print("\npanic on CPU %u: %s\n", cpu_self()->number, panic_text);
}

static void step_registers(void)
{
    if (panic_frame == NULL)
        return;
    console_print("registers:\n");
    arch_trap_registers(panic_frame, panic_line);
}

/* Whom the CPU was working for, and what that had asked for last. */
static void step_thread(void)
{
    char call[192];
    const struct thread *thread = cpu_self()->current;
    if (thread == NULL)
        return;
    (void)syscall_decode(&thread->frame, call, sizeof(call));
    console_print("thread %lu, with %s in its registers\n", (unsigned long)thread->object.identity,
                  call);
}

static void step_backtrace(void)
{
    console_print("backtrace:\n");
    if (panic_frame != NULL)
        backtrace_walk(trap_pc(panic_frame), trap_frame_pointer(panic_frame), PANIC_FRAMES,
                       panic_address);
}

static void step_log(void)
{
    console_print("last log lines:\n");
    log_show(PANIC_LOG_LINES, panic_log_line);
}

/* Not a word: saying one may be what went wrong. */
static void panic_leave(void)
{
    char value[16];
    if (boot_option(&the_boot_info, "exit", value, sizeof(value)))
        arch_debug_exit(PANIC_STATUS);
}

static void step_leave(void)
{
    console_print("the machine is stopped\n");
    panic_leave();
}

static void (*const panic_steps[])(void) = {step_stop,   step_console,   step_say, step_registers,
                                            step_thread, step_backtrace, step_log, step_leave};

static _Noreturn void panic_run(void)
{
    while (panic_step < COUNT_OF(panic_steps))
        panic_steps[panic_step++]();
    arch_halt();
}

/* True for the first CPU; a second one waits to be stopped; the first again goes on. */
static bool panic_enter(void)
{
    (void)arch_irq_save();
    uint32_t me = cpu_self()->number + 1, nobody = 0;
    if (atomic_compare_exchange_strong(&panic_owner, &nobody, me))
        return true;
    while (atomic_load(&panic_owner) != me)
        cpu_serve();
    return false;
}

/* The step that was under way may have been the one that says what happened: so say it again. */
static _Noreturn void panic_again(void)
{
    if (++panic_repeats > PANIC_REPEATS) {
        panic_leave();
        arch_halt();
    }
    console_print("\nanother fault while panicking; the first was: %s\n", panic_text);
    panic_run();
}

_Noreturn void panic(const char *format, ...)
{
    if (!panic_enter())
        panic_again();
    static struct trap_frame captured; /* the owner's alone */
    const uintptr_t *own = (const uintptr_t *)arch_frame_pointer();
    arch_trap_capture(&captured, (uintptr_t)__builtin_return_address(0), own[0]);
    panic_frame = &captured;
    panic_called = true;
    va_list args;
    va_start(args, format);
    vprint_buffer(panic_text, sizeof(panic_text), format, args);
    va_end(args);
    panic_run();
}

_Noreturn void panic_trap(const struct trap_frame *frame)
{
    if (!panic_enter())
        panic_again();
    panic_frame = frame;
    arch_trap_describe(frame, panic_text, sizeof(panic_text));
    panic_run();
}

_Noreturn void assert_failed(const char *expression, const char *file, int line)
{
    panic("assertion failed at %s:%d: %s", file, line, expression);
}
