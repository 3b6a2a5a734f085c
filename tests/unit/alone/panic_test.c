/* trace/panic.c itself, each panic in a process of its own: what is said, in which order, the end.
 */
#include "arch/trap.h"
#include "boot/boot_info.h"
#include "boot/main.h"
#include "boot/subsystem.h"
#include "lib/assert.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/image.h"
#include "obj/thread.h"
#include "sched/cpu.h"
#include "trace/console.h"
#include "trace/log.h"
#include "trace/panic.h"
#include "unit.h"
#include <syscall.h>

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HALTED 3 /* how arch_halt ends a process */
#define LEFT   2 /* how arch_debug_exit does, by the kernel's status */

/* What the process said; seen by who made it. */
static struct {
    char text[8192];
    size_t size;
    uint32_t rescued;
} *said;

static uint32_t register_faults, print_faults; /* how many times these panic */

struct boot_info the_boot_info;

void console_print(const char *format, ...)
{
    va_list args;
    if (print_faults != 0 && print_faults-- != 0)
        panic("fault while printing");
    va_start(args, format);
    said->size +=
        vprint_buffer(said->text + said->size, sizeof(said->text) - said->size, format, args);
    va_end(args);
}

void ladder_rescue(enum subsystem_level level)
{
    said->rescued += level == LEVEL_console;
}

void arch_trap_registers(const struct trap_frame *frame, void (*line)(const char *text))
{
    (void)frame;
    if (register_faults != 0 && register_faults-- != 0)
        panic("fault in the registers");
    line("x0 = 1");
}

void arch_trap_describe(const struct trap_frame *frame, char *text, size_t size)
{
    (void)print_buffer(text, size, "trap at 0x%lx", trap_pc(frame));
}

static void panic_plain(void)
{
    panic("value %d", 7);
}

/* In a call of a thread's. */
static void panic_in_call(void)
{
    static struct thread thread = {.object.identity = 12};
    frame_set_control(&thread.frame, CALL_cap_derive);
    frame_set_operand(&thread.frame, 0, 5);
    frame_set_word(&thread.frame, 0, RIGHT_send);
    cpu_self()->current = &thread;
    panic("value %d", 8);
}

static void panic_of_trap(void)
{
    const struct trap_frame frame = {.pc = (uintptr_t)__text_start + 0x24};
    log_warn("test", "the last line");
    panic_trap(&frame);
}

static void panic_of_assertion(void)
{
    assert_failed("one == two", "file.c", 12);
}

/* The status with which a process that runs `run` ends. */
static int end_of(void (*run)(void))
{
    int status = 0;
    if (said == NULL)
        said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(said, 0, sizeof(*said));
    pid_t child = fork();
    if (child == 0) {
        run();
        _exit(99);
    }
    EXPECT(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* All of these, one behind the other. */
static bool says(const char *const *parts, unsigned count)
{
    const char *at = said->text;
    for (unsigned i = 0; i < count && at != NULL; i++)
        at = strstr(at, parts[i]);
    return at != NULL;
}

TEST(panic_says_all_in_order)
{
    static const char *const parts[] = {
        "panic on CPU 0: value 7", "registers:", "x0 = 1", "backtrace:", "last log lines:",
        "the machine is stopped"};
    EXPECT(end_of(panic_plain) == HALTED);
    EXPECT(says(parts, COUNT_OF(parts)) && said->rescued == 1);
    string_copy(the_boot_info.command_line, sizeof(the_boot_info.command_line), "exit=debug");
    EXPECT(end_of(panic_plain) == LEFT);
    EXPECT(says(parts, COUNT_OF(parts)));
}

TEST(panic_in_a_call_names_it)
{
    static const char *const parts[] = {"value 8", "thread 12, with cap_derive(", "=0x20",
                                        "backtrace:"};
    EXPECT(end_of(panic_in_call) != 0 && says(parts, COUNT_OF(parts)));
}

TEST(panic_of_a_trap_names_the_place)
{
    static const char *const parts[] = {
        "panic on CPU 0: trap at", "registers:",   "backtrace:", "second+0x4",
        "last log lines:",         "the last line"};
    EXPECT(end_of(panic_of_trap) == HALTED);
    EXPECT(says(parts, COUNT_OF(parts)));
    EXPECT(end_of(panic_of_assertion) == HALTED);
    EXPECT(strstr(said->text, "assertion failed at file.c:12: one == two\n") != NULL);
}

/* A fault in one step costs that step alone. */
TEST(panic_goes_on_behind_a_fault)
{
    static const char *const parts[] = {"panic on CPU 0: value 7", "registers:",
                                        "another fault while panicking; the first was: value 7",
                                        "backtrace:", "the machine is stopped"};
    register_faults = 1;
    EXPECT(end_of(panic_plain) == HALTED);
    EXPECT(says(parts, COUNT_OF(parts)) && strstr(said->text, "x0 = 1") == NULL);
}

/* Where each word faults, there is an end nevertheless. */
TEST(panic_ends_without_a_word)
{
    print_faults = UINT32_MAX;
    EXPECT(end_of(panic_plain) == HALTED && said->size == 0);
    string_copy(the_boot_info.command_line, sizeof(the_boot_info.command_line), "exit=debug");
    EXPECT(end_of(panic_plain) == LEFT && said->size == 0);
}
