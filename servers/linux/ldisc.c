/* The line discipline (ldisc.h). */
#include "ldisc.h"
#include <assert.h>
#include <signal.h>
#include <string.h>

#define TAB      8
#define DISABLED 0 /* a control character that is none (_POSIX_VDISABLE) */
#define BELL     7

static const struct terminal_modes modes_first = {
    .iflag = ICRNL | IXON,
    .oflag = OPOST | ONLCR,
    .cflag = B38400 | CS8 | CREAD | HUPCL,
    .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .cc = {[VINTR] = 3,
           [VQUIT] = 28,
           [VERASE] = 127,
           [VKILL] = 21,
           [VEOF] = 4,
           [VMIN] = 1,
           [VSTART] = 17,
           [VSTOP] = 19,
           [VSUSP] = 26,
           [VREPRINT] = 18,
           [VDISCARD] = 15,
           [VWERASE] = 23,
           [VLNEXT] = 22},
};

void ldisc_init(struct ldisc *ldisc)
{
    memset(ldisc, 0, sizeof(*ldisc));
    ldisc->modes = modes_first;
}

void ldisc_set(struct ldisc *ldisc, const struct terminal_modes *modes)
{
    bool lines = ldisc_by_lines(ldisc);
    ldisc->modes = *modes;
    ldisc->literal = false;
    if (lines != ldisc_by_lines(ldisc))
        ldisc->lines = ldisc->in_at; /* what is there is a line, or needs to be none */
    if ((modes->iflag & IXON) == 0)
        ldisc->stopped = false;
}

static bool local(const struct ldisc *ldisc, uint32_t flag)
{
    return (ldisc->modes.lflag & flag) != 0;
}

static bool is_control(const struct ldisc *ldisc, unsigned which, uint8_t byte)
{
    return byte == ldisc->modes.cc[which] && byte != DISABLED;
}

/* The same of those that only IEXTEN switches on. */
static bool is_extended(const struct ldisc *ldisc, unsigned which, uint8_t byte)
{
    return local(ldisc, IEXTEN) && is_control(ldisc, which, byte);
}

/* --- output --- */

/* Where the cursor is after a byte; the later bytes of a character in UTF-8 take no place. */
static void column_follow(struct ldisc *ldisc, uint8_t byte)
{
    if (byte == '\r')
        ldisc->column = 0;
    else if (byte == '\b')
        ldisc->column -= ldisc->column != 0;
    else if (byte == '\t')
        ldisc->column = (ldisc->column / TAB + 1) * TAB;
    else if (byte >= ' ' && byte != 127 &&
             ((ldisc->modes.iflag & IUTF8) == 0 || (byte & 0xc0) != 0x80))
        ldisc->column++;
}

static void show(struct ldisc *ldisc, uint8_t byte)
{
    ring_put(&ldisc->output, byte);
    column_follow(ldisc, byte);
}

/* One written byte. False: no room for all that it becomes. */
static bool output_byte(struct ldisc *ldisc, uint8_t byte)
{
    uint32_t flags = ldisc->modes.oflag;
    if (ring_free(&ldisc->output) < TAB)
        return false;
    if ((flags & OPOST) == 0) {
        show(ldisc, byte);
        return true;
    }
    if (byte == '\n') {
        if ((flags & ONLCR) != 0)
            show(ldisc, '\r');
        if ((flags & ONLRET) != 0)
            ldisc->column = 0;
    } else if (byte == '\r') {
        if ((flags & ONOCR) != 0 && ldisc->column == 0)
            return true;
        if ((flags & OCRNL) != 0)
            byte = '\n';
    } else if (byte == '\t' && (flags & TABDLY) == TAB3) {
        for (uint32_t i = TAB - ldisc->column % TAB; i != 0; i--)
            show(ldisc, ' ');
        return true;
    } else if ((flags & OLCUC) != 0 && byte >= 'a' && byte <= 'z') {
        byte = (uint8_t)(byte - 'a' + 'A');
    }
    show(ldisc, byte);
    return true;
}

uint64_t ldisc_write(struct ldisc *ldisc, const uint8_t *bytes, uint64_t size)
{
    uint64_t done = 0;
    while (done < size && output_byte(ldisc, bytes[done]))
        done++;
    return done;
}

/* --- echo: what finds no room is not shown --- */

static bool shown_as_control(const struct ldisc *ldisc, uint8_t byte)
{
    return local(ldisc, ECHOCTL) && (byte < ' ' || byte == 127) && byte != '\t' && byte != '\n';
}

static void echo_text(struct ldisc *ldisc, const char *text)
{
    (void)ldisc_write(ldisc, (const uint8_t *)text, strlen(text));
}

/* As it is, or as ^X. */
static void echo_shown(struct ldisc *ldisc, uint8_t byte)
{
    if (shown_as_control(ldisc, byte)) {
        (void)output_byte(ldisc, '^');
        byte ^= 0x40;
    }
    (void)output_byte(ldisc, byte);
}

static void echo(struct ldisc *ldisc, uint8_t byte)
{
    if (local(ldisc, ECHO) || (byte == '\n' && local(ldisc, ECHONL) && ldisc_by_lines(ldisc)))
        echo_shown(ldisc, byte);
}

/* --- input --- */

static uint8_t *byte_at(struct ldisc *ldisc, uint64_t at)
{
    return &ldisc->bytes[at & (INPUT_SIZE - 1)];
}

/* The last place is for what ends a line. */
static bool line_full(const struct ldisc *ldisc)
{
    return ldisc_by_lines(ldisc) && ldisc->in_at - ldisc->out_at >= INPUT_SIZE - 1;
}

static void input_put(struct ldisc *ldisc, uint8_t byte, enum input_mark mark)
{
    assert(ldisc->in_at - ldisc->out_at < INPUT_SIZE);
    if (ldisc->in_at == ldisc->lines)
        ldisc->line_column = ldisc->column;
    *byte_at(ldisc, ldisc->in_at) = byte;
    ldisc->marks[ldisc->in_at & (INPUT_SIZE - 1)] = (uint8_t)mark;
    ldisc->in_at++;
}

void ldisc_flush_input(struct ldisc *ldisc)
{
    ldisc->out_at = ldisc->lines = ldisc->in_at;
    ldisc->literal = false;
}

/* --- editing --- */

static bool is_continuation(struct ldisc *ldisc, uint64_t at)
{
    return (ldisc->modes.iflag & IUTF8) != 0 && (*byte_at(ldisc, at) & 0xc0) == 0x80;
}

/* Where the cursor is before the byte at `end` of the edited line. */
static uint32_t column_before(struct ldisc *ldisc, uint64_t end)
{
    uint32_t column = ldisc->line_column;
    for (uint64_t at = ldisc->lines; at < end; at++) {
        uint8_t byte = *byte_at(ldisc, at);
        if (byte == '\t')
            column = (column / TAB + 1) * TAB;
        else if (shown_as_control(ldisc, byte))
            column += 2;
        else if (byte >= ' ' && byte != 127 && !is_continuation(ldisc, at))
            column++;
    }
    return column;
}

static void echo_back_to(struct ldisc *ldisc, uint32_t column, bool blank)
{
    while (ldisc->column > column) {
        uint32_t before = ldisc->column;
        echo_text(ldisc, blank ? "\b \b" : "\b");
        if (ldisc->column >= before)
            return; /* no room */
    }
}

/* The last character of the edited line goes. */
static void erase_one(struct ldisc *ldisc)
{
    uint64_t at = ldisc->in_at - 1;
    while (at > ldisc->lines && is_continuation(ldisc, at))
        at--;
    uint8_t byte = *byte_at(ldisc, at);
    ldisc->in_at = at;
    if (local(ldisc, ECHO) && local(ldisc, ECHOE))
        echo_back_to(ldisc, column_before(ldisc, at), byte != '\t');
}

static void erase_echo_plain(struct ldisc *ldisc, uint8_t byte)
{
    if (local(ldisc, ECHO) && !local(ldisc, ECHOE))
        echo_shown(ldisc, byte);
}

static bool is_word(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z') || byte == '_' || byte >= 0x80;
}

static void erase_word(struct ldisc *ldisc)
{
    bool word = false;
    while (ldisc->in_at > ldisc->lines) {
        if (is_word(*byte_at(ldisc, ldisc->in_at - 1)))
            word = true;
        else if (word)
            return;
        erase_one(ldisc);
    }
}

static void erase_line(struct ldisc *ldisc, uint8_t byte)
{
    if (local(ldisc, ECHOKE) && local(ldisc, ECHOE)) {
        while (ldisc->in_at > ldisc->lines)
            erase_one(ldisc);
        return;
    }
    ldisc->in_at = ldisc->lines;
    if (!local(ldisc, ECHO))
        return;
    echo_shown(ldisc, byte);
    if (local(ldisc, ECHOK))
        echo_text(ldisc, "\n");
}

static void reprint(struct ldisc *ldisc, uint8_t byte)
{
    echo_shown(ldisc, byte);
    echo_text(ldisc, "\n");
    ldisc->line_column = ldisc->column;
    for (uint64_t at = ldisc->lines; at < ldisc->in_at; at++)
        echo_shown(ldisc, *byte_at(ldisc, at));
}

/* Whether it was a byte that edits the line. */
static bool edit(struct ldisc *ldisc, uint8_t byte)
{
    bool any = ldisc->in_at > ldisc->lines;
    if (is_control(ldisc, VERASE, byte)) {
        if (any)
            erase_one(ldisc);
        erase_echo_plain(ldisc, byte);
    } else if (is_extended(ldisc, VWERASE, byte)) {
        erase_word(ldisc);
        erase_echo_plain(ldisc, byte);
    } else if (is_control(ldisc, VKILL, byte)) {
        erase_line(ldisc, byte);
    } else if (is_extended(ldisc, VREPRINT, byte) && local(ldisc, ECHO)) {
        reprint(ldisc, byte);
    } else {
        return false;
    }
    return true;
}

/* --- one byte --- */

static int signal_of(const struct ldisc *ldisc, uint8_t byte)
{
    if (!local(ldisc, ISIG))
        return 0;
    if (is_control(ldisc, VINTR, byte))
        return SIGINT;
    if (is_control(ldisc, VQUIT, byte))
        return SIGQUIT;
    return is_control(ldisc, VSUSP, byte) ? SIGTSTP : 0;
}

static void take_signal(struct ldisc *ldisc, uint8_t byte)
{
    if (!local(ldisc, NOFLSH)) {
        ldisc_flush_input(ldisc);
        ldisc->output.out = ldisc->output.in;
    }
    ldisc->stopped = false;
    if (local(ldisc, ECHO))
        echo_shown(ldisc, byte);
}

/* Whether it was VSTART or VSTOP. */
static bool take_flow(struct ldisc *ldisc, uint8_t byte)
{
    uint32_t flags = ldisc->modes.iflag;
    if ((flags & IXON) == 0)
        return false;
    if (is_control(ldisc, VSTART, byte)) {
        ldisc->stopped = false;
        return true;
    }
    if (is_control(ldisc, VSTOP, byte)) {
        ldisc->stopped = true;
        return true;
    }
    if ((flags & IXANY) != 0)
        ldisc->stopped = false;
    return false;
}

/* A byte that is to be read. */
static void take_plain(struct ldisc *ldisc, uint8_t byte, enum input_mark mark)
{
    if (mark == MARK_NONE && line_full(ldisc)) {
        if ((ldisc->modes.iflag & IMAXBEL) != 0)
            (void)output_byte(ldisc, BELL);
        return;
    }
    input_put(ldisc, byte, mark);
    if (mark != MARK_END)
        echo(ldisc, byte);
    if (mark != MARK_NONE || !ldisc_by_lines(ldisc))
        ldisc->lines = ldisc->in_at;
}

/* What a byte of a line is; editing is done. */
static void take_line_byte(struct ldisc *ldisc, uint8_t byte)
{
    if (is_extended(ldisc, VLNEXT, byte)) {
        ldisc->literal = true;
        if (local(ldisc, ECHO) && local(ldisc, ECHOCTL))
            echo_text(ldisc, "^\b");
    } else if (is_control(ldisc, VEOF, byte)) {
        take_plain(ldisc, byte, MARK_END);
    } else if (byte == '\n' || is_control(ldisc, VEOL, byte) || is_extended(ldisc, VEOL2, byte)) {
        take_plain(ldisc, byte, MARK_LINE);
    } else {
        take_plain(ldisc, byte, MARK_NONE);
    }
}

/* By iflag: false if the byte is dropped. */
static bool translate(const struct ldisc *ldisc, uint8_t *byte)
{
    uint32_t flags = ldisc->modes.iflag;
    if ((flags & ISTRIP) != 0)
        *byte &= 0x7f;
    if ((flags & IUCLC) != 0 && (ldisc->modes.lflag & IEXTEN) != 0 && *byte >= 'A' && *byte <= 'Z')
        *byte = (uint8_t)(*byte - 'A' + 'a');
    if (*byte == '\r') {
        if ((flags & IGNCR) != 0)
            return false;
        if ((flags & ICRNL) != 0)
            *byte = '\n';
    } else if (*byte == '\n' && (flags & INLCR) != 0) {
        *byte = '\r';
    }
    return true;
}

/* The number of a signal, or 0. */
static int take_byte(struct ldisc *ldisc, uint8_t byte)
{
    if (ldisc->literal) {
        ldisc->literal = false;
        take_plain(ldisc, byte, MARK_NONE);
        return 0;
    }
    if ((ldisc->modes.iflag & ISTRIP) != 0)
        byte &= 0x7f;
    if (take_flow(ldisc, byte))
        return 0;
    int number = signal_of(ldisc, byte);
    if (number != 0) {
        take_signal(ldisc, byte);
        return number;
    }
    if (!translate(ldisc, &byte))
        return 0;
    if (!ldisc_by_lines(ldisc))
        take_plain(ldisc, byte, MARK_NONE);
    else if (!edit(ldisc, byte))
        take_line_byte(ldisc, byte);
    return 0;
}

/* Whether a byte can be taken now. A line that is too long goes on, without what is too much; else
 * who types waits for who reads. */
static bool input_ready(const struct ldisc *ldisc, uint8_t byte)
{
    if (signal_of(ldisc, byte) != 0 || (ldisc_by_lines(ldisc) && ldisc->out_at == ldisc->lines))
        return true;
    return ldisc->in_at - ldisc->out_at < INPUT_SIZE - 1;
}

uint64_t ldisc_input(struct ldisc *ldisc, const uint8_t *bytes, uint64_t size,
                     struct ldisc_event *event)
{
    uint64_t done = 0, lines = ldisc->lines, shown = ldisc->output.in;
    bool stopped = ldisc->stopped;
    event->signal = 0;
    while (done < size && event->signal == 0 && input_ready(ldisc, bytes[done]))
        event->signal = take_byte(ldisc, bytes[done++]);
    event->readable = ldisc->lines != lines;
    event->writable = ldisc->output.in != shown || (stopped && !ldisc->stopped);
    return done;
}

/* --- reading --- */

uint64_t ldisc_readable(const struct ldisc *ldisc, uint64_t size, bool *ready)
{
    uint64_t there = ldisc->in_at - ldisc->out_at, count = 0;
    *ready = there != 0;
    if (!ldisc_by_lines(ldisc))
        return min_u64(there, size);
    there = ldisc->lines - ldisc->out_at;
    *ready = there != 0;
    for (; count < min_u64(there, size); count++) {
        uint8_t mark = ldisc->marks[(ldisc->out_at + count) & (INPUT_SIZE - 1)];
        if (mark != MARK_NONE)
            return mark == MARK_LINE ? count + 1 : count;
    }
    return count;
}

const uint8_t *ldisc_peek(const struct ldisc *ldisc, uint64_t *size)
{
    uint64_t at = ldisc->out_at & (INPUT_SIZE - 1);
    *size = min_u64(*size, INPUT_SIZE - at);
    return ldisc->bytes + at;
}

void ldisc_take(struct ldisc *ldisc, uint64_t size, bool last)
{
    uint64_t end = ldisc->out_at + size;
    bool line = size != 0 && ldisc->marks[(end - 1) & (INPUT_SIZE - 1)] == MARK_LINE;
    ldisc->out_at = end;
    if (last && !line && ldisc_by_lines(ldisc) && end < ldisc->lines &&
        ldisc->marks[end & (INPUT_SIZE - 1)] == MARK_END)
        ldisc->out_at++;
    assert(ldisc->out_at <= ldisc->in_at);
}
