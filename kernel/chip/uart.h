/*
 * What the serial ports have in common: finding them, and feeding a transmit FIFO.
 *
 * Life cycle: a driver's subsystem calls uart_choose, readies the chip, then uart_add; never
 * removed. Output is polled: the transmitter is asked once per FIFO-full of bytes, and a port
 * that takes nothing for UART_PATIENCE questions is left alone until it is ready again, so that
 * a dead line costs no boot.
 * Lock: `silent` and the chip's transmitter belong to the console lock's holder.
 */
#pragma once

#include "boot/machine.h"
#include "chip/register.h"
#include "trace/console.h"

#define UART_PATIENCE 100000u

struct uart {
    struct console console;
    struct register_block block;
    uint32_t fifo; /* bytes that fit when ready() says so */
    bool (*ready)(const struct uart *uart);
    void (*put)(const struct uart *uart, uint8_t byte);
    void (*receive)(const struct uart *uart); /* its interrupt: takes what came in */
    void (*listen)(const struct uart *uart);  /* lets it interrupt */
    bool silent;                              /* gave up on it; see above */
    char name[48];
};

/* Where this machine's port of `kind` is; unsupported if its console is of another kind. */
error_t uart_choose(enum machine_uart kind, struct machine_register *where, uint32_t *irq);

/* Makes it a console called "`chip` at ..." and lets it receive by interrupt `line`. */
void uart_add(struct uart *uart, const char *chip, const struct machine_register *where,
              uint32_t line);
