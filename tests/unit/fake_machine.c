/* Fakes of what the machine and its CPU give (fake_machine.h). */
#include "fake_machine.h"
#include "arch/boot.h"
#include "arch/irq.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/vmap.h"
#include "sched/irq.h"
#include "trace/panic.h"

#include <stdio.h>
#include <stdlib.h>

#define FAKE_LOG_LINES 16

uint32_t (*fake_port_read)(uint16_t port);
void (*fake_port_write)(uint16_t port, uint32_t value);
uint32_t fake_memory[1024];
phys_t fake_mapped;
uint64_t fake_mapped_size;
enum machine_uart fake_uart;
struct machine_register fake_uart_register;

struct boot_info the_boot_info;

const struct cpu *fake_irq_cpu;
const struct irq_devices *fake_irq_devices;
static bool fake_unmasked[IRQ_LINES];

static struct {
    enum log_level level;
    const char *text;
} fake_log[FAKE_LOG_LINES];
static uint32_t fake_log_count;

uint32_t arch_port_read(uint16_t port, uint32_t bytes)
{
    (void)bytes;
    return fake_port_read != NULL ? fake_port_read(port) : 0xff;
}

void arch_port_write(uint16_t port, uint32_t bytes, uint32_t value)
{
    (void)bytes;
    if (fake_port_write != NULL)
        fake_port_write(port, value);
}

/* The first 16 are the kernel's. */
error_t arch_port_check(uint32_t first, uint32_t count)
{
    (void)count;
    return first < 16 ? ERR_denied : OK;
}

void arch_default_uart(enum machine_uart *uart, struct machine_register *where, uint32_t *irq)
{
    *uart = fake_uart;
    *where = fake_uart_register;
    *irq = 4;
}

uint32_t arch_irq_isa(uint32_t isa_line)
{
    return isa_line + 100;
}

error_t arch_irq_init(void)
{
    return OK;
}

void arch_irq_init_cpu(void)
{
}

error_t arch_irq_unmask(uint32_t line, const struct cpu *cpu)
{
    fake_irq_cpu = cpu;
    fake_unmasked[line] = true;
    return OK;
}

void arch_irq_mask(uint32_t line)
{
    fake_unmasked[line] = false;
}

/* Odd lines are edges; the last two have no wire. */
bool arch_irq_edge(uint32_t line)
{
    return line % 2 != 0 || line >= IRQ_LINES - 2;
}

error_t arch_irq_message(uint32_t line, const struct cpu *cpu, struct irq_message *message)
{
    (void)cpu;
    *message = (struct irq_message){0xfee00000, line};
    return line >= IRQ_LINES - 2 ? OK : ERR_unsupported;
}

const struct irq_devices *arch_irq_devices(void)
{
    return fake_irq_devices;
}

void arch_irq_text(char *text, size_t size)
{
    string_copy(text, size, "fake");
}

bool fake_irq_raise(uint32_t line)
{
    if (line >= IRQ_LINES || !fake_unmasked[line])
        return false;
    irq_dispatch(line);
    return true;
}

error_t vmap_device(phys_t base, uint64_t size, uint32_t flags, void **window)
{
    (void)flags;
    if (size > sizeof(fake_memory))
        return ERR_bad_argument;
    fake_mapped = base;
    fake_mapped_size = size;
    *window = fake_memory;
    return OK;
}

void fake_log_add(enum log_level level, const char *text)
{
    assert(fake_log_count < FAKE_LOG_LINES);
    fake_log[fake_log_count].level = level;
    fake_log[fake_log_count++].text = text;
}

void log_show(uint32_t most, void (*show)(enum log_level level, uint64_t time_ns, const char *text))
{
    uint32_t first = fake_log_count > most ? fake_log_count - most : 0;
    for (uint32_t i = first; i < fake_log_count; i++)
        show(fake_log[i].level, UINT64_C(1500000) * i, fake_log[i].text);
}

__attribute__((weak)) _Noreturn void panic(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    abort();
}

static void fake_console_write(struct console *console, enum log_level level, const char *text,
                               size_t size)
{
    struct fake_console *fake = CONTAINER_OF(console, struct fake_console, console);
    fake->level = level;
    for (size_t i = 0; i < size && fake->size + 1 < sizeof(fake->text); i++)
        fake->text[fake->size++] = text[i];
    fake->text[fake->size] = 0;
}

void fake_console_init(struct fake_console *fake, const char *name)
{
    memset(fake, 0, sizeof(*fake));
    fake->console.name = name;
    fake->console.write = fake_console_write;
}

void fake_console_clear(struct fake_console *fake)
{
    fake->size = 0;
    fake->text[0] = 0;
}
