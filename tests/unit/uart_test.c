/* The serial ports against models of their chips. */
#include "boot/subsystem.h"
#include "chip/register.h"
#include "chip/uart.h"
#include "fake_machine.h"
#include "lib/string.h"
#include "unit.h"

#define COM1     0x3f8
#define COM1_IRQ 104 /* as fake arch_irq_isa maps 4 */

/* A 16550 behind ports. */
static struct {
    uint8_t reg[8], divisor[2];
    uint8_t fifo[16];
    uint32_t received;
    char sent[4096];
    uint32_t sent_count;
    uint32_t since_ready; /* bytes written since LSR last said "empty" */
    bool overrun, stuck;
    uint32_t questions;
} chip;

static uint32_t chip_lsr(void)
{
    chip.questions++;
    if (!chip.stuck)
        chip.since_ready = 0;
    return (chip.stuck ? 0u : 0x60u) | (chip.received > 0);
}

static uint32_t chip_take(void)
{
    if (chip.received == 0)
        return 0;
    uint8_t byte = chip.fifo[0];
    memmove(chip.fifo, chip.fifo + 1, --chip.received);
    return byte;
}

static uint32_t chip_read(uint16_t port)
{
    switch (port - COM1) {
    case 0:
        return chip_take();
    case 5:
        return chip_lsr();
    default:
        return chip.reg[port - COM1];
    }
}

static void chip_send(uint8_t byte)
{
    if ((chip.reg[4] & 0x10) != 0) {
        chip.fifo[chip.received++] = byte;
        return;
    }
    chip.overrun |= ++chip.since_ready > 16;
    chip.sent[chip.sent_count++ % sizeof(chip.sent)] = (char)byte;
}

static void chip_write(uint16_t port, uint32_t value)
{
    uint32_t number = port - COM1;
    if (number < 2 && (chip.reg[3] & 0x80) != 0)
        chip.divisor[number] = (uint8_t)value;
    else if (number == 0)
        chip_send((uint8_t)value);
    else
        chip.reg[number] = (uint8_t)value;
    if (number == 2 && (value & 2) != 0)
        chip.received = 0;
}

/* The bounds of the linker section "subsystems". */
extern struct subsystem __start_subsystems[], __stop_subsystems[];

static error_t subsystem_run(const char *name)
{
    for (struct subsystem *s = __start_subsystems; s < __stop_subsystems; s++)
        if (strcmp(s->name, name) == 0)
            return s->start();
    return ERR_not_found;
}

static error_t chip_start(void)
{
    fake_port_read = chip_read;
    fake_port_write = chip_write;
    fake_uart = UART_16550;
    fake_uart_register = (struct machine_register){SPACE_PORT, COM1, 8};
    return subsystem_run("uart16550");
}

TEST(uart16550_sets_up_115200_8n1)
{
    REQUIRE(chip_start() == OK);
    EXPECT(chip.divisor[0] == 1 && chip.divisor[1] == 0);
    EXPECT(chip.reg[3] == 0x03 && (chip.reg[2] & 1) != 0);
    EXPECT(chip.reg[4] == 0x0b && chip.reg[1] == 0x01);
    EXPECT(chip.received == 0 && chip.sent_count == 0);
    char names[64];
    console_names(names, sizeof(names));
    EXPECT(strcmp(names, "uart16550 at port 0x3f8") == 0);
}

TEST(uart16550_absent)
{
    fake_uart = UART_16550;
    fake_uart_register = (struct machine_register){SPACE_PORT, COM1, 8};
    EXPECT(subsystem_run("uart16550") == ERR_unsupported);
    fake_uart = UART_NONE;
    EXPECT(subsystem_run("uart16550") == ERR_unsupported);
    fake_uart = UART_PL011;
    EXPECT(subsystem_run("uart16550") == ERR_unsupported);
}

TEST(uart16550_bad_place)
{
    fake_uart = UART_16550;
    fake_uart_register = (struct machine_register){SPACE_PORT, 0x10000, 8};
    EXPECT(subsystem_run("uart16550") == ERR_bad_argument);
    fake_uart_register = (struct machine_register){SPACE_PORT, 0xfffc, 8};
    EXPECT(subsystem_run("uart16550") == ERR_bad_argument);
    fake_uart_register = (struct machine_register){SPACE_MEMORY, 0, 8};
    EXPECT(subsystem_run("uart16550") == ERR_bad_argument);
    fake_uart_register = (struct machine_register){SPACE_NONE, COM1, 8};
    EXPECT(subsystem_run("uart16550") == ERR_unsupported);
}

/* The firmware's word goes before what the CPU's machines always have. */
TEST(uart_firmware_first)
{
    the_machine.uart = UART_PL011;
    fake_uart = UART_16550;
    struct machine_register where;
    uint32_t irq;
    EXPECT(uart_choose(UART_16550, &where, &irq) == ERR_unsupported);
    EXPECT(uart_choose(UART_PL011, &where, &irq) == OK);
}

/* New lines become two bytes, the FIFO is never overrun, and it is asked once per FIFO-full. */
TEST(uart16550_fills_the_fifo)
{
    char text[1000], expected[2100];
    uint32_t size = 0;
    REQUIRE(chip_start() == OK);
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = unit_random() % 10 == 0 ? '\n' : (char)(' ' + unit_random() % 95);
        if (text[i] == '\n')
            expected[size++] = '\r';
        expected[size++] = text[i];
    }
    chip.questions = 0;
    console_write(LOG_INFO, text, sizeof(text));
    EXPECT(chip.sent_count == size && memcmp(chip.sent, expected, size) == 0);
    EXPECT(!chip.overrun);
    EXPECT(chip.questions <= size / 15 + 1);
}

/* A line that stops costs its patience once; when it goes on, so does the text. */
TEST(uart16550_gives_up_and_comes_back)
{
    REQUIRE(chip_start() == OK);
    chip.stuck = true;
    chip.questions = 0;
    console_write(LOG_INFO, "lost", 4);
    EXPECT(chip.sent_count == 0 && chip.questions >= UART_PATIENCE);
    chip.questions = 0;
    console_write(LOG_INFO, "lost", 4);
    EXPECT(chip.questions == 1);
    chip.stuck = false;
    console_write(LOG_INFO, "back", 4);
    EXPECT(chip.sent_count == 4 && memcmp(chip.sent, "back", 4) == 0);
}

static void expect_typed(const char *text)
{
    char byte;
    for (; *text != 0; text++)
        EXPECT(console_take(&byte) && byte == *text);
    EXPECT(!console_take(&byte));
}

TEST(uart16550_receives)
{
    REQUIRE(chip_start() == OK);
    memcpy(chip.fifo, "hello", 5);
    chip.received = 5;
    EXPECT(fake_irq_raise(COM1_IRQ));
    expect_typed("hello");
    EXPECT(fake_irq_raise(COM1_IRQ));
    expect_typed("");
}

/* A port that reads as all ones afterwards cannot keep its interrupt for ever. */
TEST(uart16550_vanishes)
{
    REQUIRE(chip_start() == OK);
    fake_port_read = NULL;
    EXPECT(fake_irq_raise(COM1_IRQ));
    EXPECT(console_dropped() < 1000);
}

/* Registers four bytes apart, as device trees have them; nothing loops a byte back: plain memory.
 */
TEST(uart16550_in_memory)
{
    fake_uart = UART_16550;
    fake_uart_register = (struct machine_register){SPACE_MEMORY, 0x9000000, 32};
    fake_memory[5] = 0x60;
    REQUIRE(subsystem_run("uart16550") == OK);
    EXPECT(fake_mapped.pa == 0x9000000 && fake_mapped_size == 32);
    EXPECT(fake_memory[3] == 0x03 && fake_memory[1] == 0x01 && fake_memory[4] == 0x0b);
    console_write(LOG_INFO, "Z", 1);
    EXPECT(fake_memory[0] == 'Z');
    EXPECT(fake_irq_raise(4));
}

#define PL011_DR   0
#define PL011_FR   (0x18 / 4)
#define PL011_IBRD (0x24 / 4)
#define PL011_LCRH (0x2c / 4)
#define PL011_CR   (0x30 / 4)
#define PL011_IMSC (0x38 / 4)

static error_t pl011_start(uint32_t flags)
{
    the_machine.uart = UART_PL011;
    the_machine.uart_register = (struct machine_register){SPACE_MEMORY, 0x9000000, 32};
    the_machine.uart_irq = 33;
    fake_memory[PL011_FR] = flags;
    fake_memory[PL011_IBRD] = 13;
    return subsystem_run("pl011");
}

TEST(pl011_leaves_the_speed_alone)
{
    REQUIRE(pl011_start(0x90) == OK);
    EXPECT(fake_memory[PL011_IBRD] == 13);
    EXPECT(fake_memory[PL011_LCRH] == 0x70 && fake_memory[PL011_CR] == 0x301);
    EXPECT(fake_memory[PL011_IMSC] == 0x50);
    console_write(LOG_INFO, "Q", 1);
    EXPECT(fake_memory[PL011_DR] == 'Q');
    EXPECT(fake_irq_raise(33));
    expect_typed("");
    char names[64];
    console_names(names, sizeof(names));
    EXPECT(strcmp(names, "pl011 at 0x9000000") == 0);
}

TEST(pl011_receives)
{
    REQUIRE(pl011_start(0x90) == OK);
    fake_memory[PL011_FR] = 0x80;
    fake_memory[PL011_DR] = 'k';
    EXPECT(fake_irq_raise(33));
    char byte;
    EXPECT(console_take(&byte) && byte == 'k');
}

TEST(pl011_absent)
{
    EXPECT(pl011_start(0xffffffff) == ERR_unsupported);
    the_machine.uart = UART_16550;
    EXPECT(subsystem_run("pl011") == ERR_unsupported);
}
