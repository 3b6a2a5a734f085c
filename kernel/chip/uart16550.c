/*
 * The 16550 serial port (National Semiconductor PC16550D data sheet, June 1995).
 *
 * 115200 baud, 8 data bits, no parity, one stop bit, 16-byte FIFOs; receives by interrupt.
 * Whether one is there is asked by looping a byte back inside the chip.
 */
#include "arch/irq.h"
#include "boot/subsystem.h"
#include "chip/uart.h"

/* Registers, by number; DLAB of LCR shows the divisor in 0 and 1. */
enum {
    REG_DATA = 0,
    REG_IER = 1,
    REG_FCR = 2,
    REG_LCR = 3,
    REG_MCR = 4,
    REG_LSR = 5,
    REG_COUNT = 8,
};

#define IER_RECEIVE  0x01u
#define FCR_ENABLE   0x07u /* FIFOs on and emptied; interrupt from the first byte */
#define LCR_8N1      0x03u
#define LCR_DLAB     0x80u
#define MCR_RUN      0x0bu /* DTR, RTS, and OUT2, which lets the interrupt out */
#define MCR_LOOP     0x1eu
#define LSR_RECEIVED 0x01u
#define LSR_EMPTY    0x20u /* the transmit FIFO is empty */
#define LSR_IDLE     0x40u /* and the last bit is out */

#define DIVISOR_115200 1u
#define FIFO_SIZE      16u
#define ISA_LINES      16u
#define LOOP_PATIENCE  10000u
#define LOOP_BYTE      0xaeu

/* One port. `stride` is the distance of registers and `access` their width, in bytes. */
static struct {
    struct uart uart;
    uint32_t stride, access;
} port;

static uint32_t port_read(uint32_t number)
{
    return register_read(&port.uart.block, number * port.stride, port.access);
}

static void port_write(uint32_t number, uint32_t value)
{
    register_write(&port.uart.block, number * port.stride, port.access, value);
}

static bool port_ready(const struct uart *uart)
{
    (void)uart;
    return (port_read(REG_LSR) & LSR_EMPTY) != 0;
}

static void port_put(const struct uart *uart, uint8_t byte)
{
    (void)uart;
    port_write(REG_DATA, byte);
}

/* Until the FIFO is empty, or the line would not fall; bounded, if the chip has vanished. */
static void port_receive(const struct uart *uart)
{
    (void)uart;
    for (uint32_t i = 0; i < 16 * FIFO_SIZE && (port_read(REG_LSR) & LSR_RECEIVED) != 0; i++)
        console_input((char)port_read(REG_DATA));
}

static void port_listen(const struct uart *uart)
{
    (void)uart;
    port_write(REG_IER, IER_RECEIVE);
}

static void port_init(void)
{
    port_write(REG_IER, 0);
    port_write(REG_LCR, LCR_DLAB | LCR_8N1);
    port_write(0, DIVISOR_115200);
    port_write(1, 0);
    port_write(REG_LCR, LCR_8N1);
    port_write(REG_FCR, FCR_ENABLE);
}

static bool port_present(void)
{
    port_write(REG_MCR, MCR_LOOP);
    port_write(REG_DATA, LOOP_BYTE);
    for (uint32_t i = 0; i < LOOP_PATIENCE && (port_read(REG_LSR) & LSR_RECEIVED) == 0; i++)
        ;
    bool present = (port_read(REG_DATA) & 0xff) == LOOP_BYTE;
    port_write(REG_MCR, MCR_RUN);
    return present;
}

static error_t port_open(const struct machine_register *where)
{
    port.access = where->space == SPACE_MEMORY && where->width == 32 ? 4 : 1;
    port.stride = port.access;
    error_t error = register_open(&port.uart.block, where, (uint64_t)REG_COUNT * port.stride);
    if (error != OK)
        return error;
    port_init();
    return port_present() ? OK : ERR_unsupported;
}

static error_t uart16550_start(void)
{
    struct machine_register where;
    uint32_t irq;
    error_t error = uart_choose(UART_16550, &where, &irq);
    error = error != OK ? error : port_open(&where);
    if (error != OK)
        return error;
    port.uart.fifo = FIFO_SIZE;
    port.uart.ready = port_ready;
    port.uart.put = port_put;
    port.uart.receive = port_receive;
    port.uart.listen = port_listen;
    bool isa = where.space == SPACE_PORT && irq < ISA_LINES;
    uart_add(&port.uart, "uart16550", &where, isa ? arch_irq_isa(irq) : irq);
    return OK;
}

/* Power is about to go: lets the last bytes out. */
static void uart16550_stop(void)
{
    for (uint32_t i = 0; i < UART_PATIENCE && (port_read(REG_LSR) & LSR_IDLE) == 0; i++)
        ;
}

SUBSYSTEM(uart16550, .level = LEVEL_console, .privilege = PRIVILEGE_DRIVER,
          .start = uart16550_start, .stop = uart16550_stop)
