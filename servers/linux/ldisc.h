/*
 * The line discipline of a terminal, by termios(3) and POSIX 11: what typed bytes become before a
 * program reads them (lines, erasing, signals, echo), and what written bytes become before they are
 * shown.
 *
 * Pure state: bytes go in by ldisc_input and ldisc_write, come out by ldisc_peek and `out`. Who
 * waits for them, and whom signals are for, is tty.c.
 */
#ifndef LINUX_LDISC_H
#define LINUX_LDISC_H

#include "ring.h"
#include <termios.h>

/* As TCGETS gives it. */
struct terminal_modes {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line;
    uint8_t cc[19];
};
_Static_assert(sizeof(struct terminal_modes) == 36, "as Linux has it");

#define INPUT_SIZE 4096 /* bytes that wait for a reader, a power of two; a line is shorter */

/* What an input byte is besides itself. */
enum input_mark { MARK_NONE, MARK_LINE, MARK_END }; /* ends a line; ends the file: is not read */

struct ldisc {
    struct terminal_modes modes;
    /* Input, by counts of bytes ever: [out, lines) is whole lines, [lines, in) is being edited. In
     * raw mode all of [out, in) can be read. */
    uint64_t out_at, lines, in_at;
    uint8_t bytes[INPUT_SIZE], marks[INPUT_SIZE];
    bool literal;                 /* the next byte is taken as it is (VLNEXT) */
    bool stopped;                 /* output, by VSTOP */
    uint32_t column, line_column; /* of the cursor, and where the edited line began */
    struct ring output;
};

/* What an input made happen. */
struct ldisc_event {
    int signal;    /* to the foreground: SIGINT and its like, or 0 */
    bool readable; /* there is more to read */
    bool writable; /* VSTART, or echo: output is to be looked at */
};

void ldisc_init(struct ldisc *ldisc);

/* New modes: what is there can be read by them. */
void ldisc_set(struct ldisc *ldisc, const struct terminal_modes *modes);

/* Takes typed bytes: how many; it ends with one that makes a signal. Fewer: no room. */
uint64_t ldisc_input(struct ldisc *ldisc, const uint8_t *bytes, uint64_t size,
                     struct ldisc_event *event);

/* How many bytes a read of up to `size` would get; *ready: whether there is a line, if by lines. */
uint64_t ldisc_readable(const struct ldisc *ldisc, uint64_t size, bool *ready);
/* The first of these that lie together. */
const uint8_t *ldisc_peek(const struct ldisc *ldisc, uint64_t *size);
/* They were read. `last`: the read ends here; a mark of the file's end behind them goes too. */
void ldisc_take(struct ldisc *ldisc, uint64_t size, bool last);

/* Takes written bytes into `output`, as they are shown: how many. */
uint64_t ldisc_write(struct ldisc *ldisc, const uint8_t *bytes, uint64_t size);

void ldisc_flush_input(struct ldisc *ldisc);

static inline bool ldisc_by_lines(const struct ldisc *ldisc)
{
    return (ldisc->modes.lflag & ICANON) != 0;
}

#endif
