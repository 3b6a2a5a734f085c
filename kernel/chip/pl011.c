/*
 * The PL011 serial port (Arm DDI 0183, PrimeCell UART PL011), also as the generic UART of
 * server machines (SBSA), which has no settings: its speed is the firmware's and stays.
 *
 * 8 data bits, no parity, one stop bit, FIFOs on; receives by interrupt.
 */
#include "boot/subsystem.h"
#include "chip/uart.h"

/* Registers, by offset. */
enum {
    REG_DR = 0x00,
    REG_FR = 0x18,
    REG_LCRH = 0x2c,
    REG_CR = 0x30,
    REG_IFLS = 0x34,
    REG_IMSC = 0x38,
    REG_ICR = 0x44,
    REG_SIZE = 0x1000,
};

#define FR_BUSY           (1u << 3)
#define FR_RECEIVE_EMPTY  (1u << 4)
#define FR_TRANSMIT_EMPTY (1u << 7)
#define FR_ABSENT         0xffffffffu /* what a bus reads where nothing answers */
#define LCRH_8N1_FIFO     0x70u
#define CR_RUN            0x301u                  /* on, transmit, receive */
#define IFLS_EARLY        0u                      /* interrupts from an eighth on */
#define INT_RECEIVE       ((1u << 4) | (1u << 6)) /* FIFO level, and bytes left for 32 bit times */
#define INT_ALL           0x7ffu
#define FIFO_SIZE         16u /* the smaller of the chip's revisions */

static struct uart port;

static uint32_t port_read(uint32_t offset)
{
    return register_read(&port.block, offset, 4);
}

static void port_write(uint32_t offset, uint32_t value)
{
    register_write(&port.block, offset, 4, value);
}

static bool port_ready(const struct uart *uart)
{
    (void)uart;
    return (port_read(REG_FR) & FR_TRANSMIT_EMPTY) != 0;
}

static void port_put(const struct uart *uart, uint8_t byte)
{
    (void)uart;
    port_write(REG_DR, byte);
}

/* Clears the interrupt first, so that a byte that comes meanwhile raises it anew. */
static void port_receive(const struct uart *uart)
{
    (void)uart;
    port_write(REG_ICR, INT_RECEIVE);
    for (uint32_t i = 0; i < 16 * FIFO_SIZE && (port_read(REG_FR) & FR_RECEIVE_EMPTY) == 0; i++)
        console_input((char)port_read(REG_DR));
}

static void port_listen(const struct uart *uart)
{
    (void)uart;
    port_write(REG_IMSC, INT_RECEIVE);
}

/* LCRH and CR are changed only while the chip is off (DDI 0183, 3.3.8); the divisor stays. */
static void port_init(void)
{
    port_write(REG_CR, 0);
    port_write(REG_IMSC, 0);
    port_write(REG_ICR, INT_ALL);
    port_write(REG_LCRH, LCRH_8N1_FIFO);
    port_write(REG_IFLS, IFLS_EARLY);
    port_write(REG_CR, CR_RUN);
}

static error_t pl011_start(void)
{
    struct machine_register where;
    uint32_t irq;
    error_t error = uart_choose(UART_PL011, &where, &irq);
    error = error != OK ? error : register_open(&port.block, &where, REG_SIZE);
    if (error != OK)
        return error;
    if (port_read(REG_FR) == FR_ABSENT)
        return ERR_unsupported;
    port_init();
    port.fifo = FIFO_SIZE;
    port.ready = port_ready;
    port.put = port_put;
    port.receive = port_receive;
    port.listen = port_listen;
    uart_add(&port, "pl011", &where, irq);
    return OK;
}

/* Power is about to go: lets the last bytes out. */
static void pl011_stop(void)
{
    for (uint32_t i = 0; i < UART_PATIENCE && (port_read(REG_FR) & FR_BUSY) != 0; i++)
        ;
}

SUBSYSTEM(pl011, .level = LEVEL_console, .privilege = PRIVILEGE_DRIVER, .start = pl011_start,
          .stop = pl011_stop)
