/* The line discipline, by scripts of what is typed, read and shown. */
#include "ldisc.h"
#include "unit.h"
#include <signal.h>
#include <string.h>

static struct ldisc ldisc;

static int type_bytes(const char *bytes, uint64_t size)
{
    struct ldisc_event event = {.signal = 0};
    EXPECT(ldisc_input(&ldisc, (const uint8_t *)bytes, size, &event) == size);
    return event.signal;
}

static int type(const char *text)
{
    return type_bytes(text, strlen(text));
}

/* Whether a read of up to `size` bytes gets exactly this text; NULL: it would wait. */
static bool reads(uint64_t size, const char *text)
{
    bool ready;
    uint64_t count = ldisc_readable(&ldisc, size, &ready), at = 0;
    if (text == NULL || !ready || count != strlen(text))
        return text == NULL && !ready;
    while (at < count) {
        uint64_t piece = count - at;
        const uint8_t *bytes = ldisc_peek(&ldisc, &piece);
        if (memcmp(bytes, text + at, piece) != 0)
            return false;
        at += piece;
        ldisc_take(&ldisc, piece, at == count);
    }
    if (count == 0)
        ldisc_take(&ldisc, 0, true);
    return true;
}

/* Whether exactly this was shown since. */
static bool shows(const char *text)
{
    char shown[RING_SIZE + 1];
    uint32_t count = ring_used(&ldisc.output);
    for (uint32_t i = 0; i < count; i++)
        shown[i] = (char)ldisc.output.bytes[(ldisc.output.out + i) % RING_SIZE];
    shown[count] = 0;
    ldisc.output.out = ldisc.output.in;
    return strcmp(shown, text) == 0;
}

static void modes(uint32_t off, uint32_t on)
{
    struct terminal_modes new = ldisc.modes;
    new.lflag = (new.lflag & ~off) | on;
    ldisc_set(&ldisc, &new);
}

TEST(linux_ldisc_lines)
{
    ldisc_init(&ldisc);
    EXPECT(type("ab") == 0 && reads(10, NULL) && shows("ab"));
    EXPECT(type("c\rde") == 0 && shows("c\r\nde") && reads(10, "abc\n") && reads(10, NULL));
    EXPECT(type("\nx\n") == 0 && reads(2, "de") && reads(2, "\n") && reads(9, "x\n"));
    EXPECT(type("\4") == 0 && reads(10, "") && reads(10, NULL)); /* the end of the file */
    EXPECT(type("q\4") == 0 && reads(1, "q") && reads(10, NULL));
    EXPECT(type("q\4\4") == 0 && reads(10, "q") && reads(10, "") && reads(10, NULL));
}

TEST(linux_ldisc_edits)
{
    ldisc_init(&ldisc);
    EXPECT(type("\177ab\177c\n") == 0 && shows("ab\b \bc\r\n") && reads(10, "ac\n"));
    EXPECT(type("a\001\177\n") == 0 && shows("a^A\b \b\b \b\r\n") && reads(10, "a\n"));
    EXPECT(type("one two  \27") == 0 && shows("one two  \b \b\b \b\b \b\b \b\b \b"));
    EXPECT(type("\25x\n") == 0 && shows("\b \b\b \b\b \b\b \bx\r\n") && reads(10, "x\n"));
    EXPECT(type("a\tb\177\177") == 0 && shows("a\tb\b \b\b\b\b\b\b\b\b") && type("\n") == 0);
    EXPECT(reads(10, "a\n") && shows("\r\n"));
    EXPECT(type("a\26\3\26\n\n") == 0 && shows("a^\b^C^\b\r\n\r\n"));
    EXPECT(reads(10, "a\3\n\n"));
    EXPECT(type("ab\22\n") == 0 && shows("ab^R\r\nab\r\n") && reads(10, "ab\n"));
    modes(ECHO, 0);
    EXPECT(type("pass\177word\n") == 0 && shows("") && reads(20, "pasword\n"));
    modes(0, ECHONL);
    EXPECT(type("x\n") == 0 && shows("\r\n") && reads(20, "x\n"));
    modes(0, ECHO);
    ldisc.modes.iflag |= IUTF8;
    EXPECT(type("\303\244\177\n") == 0 && reads(10, "\n") && shows("\303\244\b \b\r\n"));
}

TEST(linux_ldisc_signals)
{
    ldisc_init(&ldisc);
    struct ldisc_event event;
    EXPECT(ldisc_input(&ldisc, (const uint8_t *)"ab\3cd", 5, &event) == 3);
    EXPECT(event.signal == SIGINT && shows("^C") && reads(10, NULL)); /* what was shown, is not */
    EXPECT(type("cd\n") == 0 && reads(10, "cd\n"));
    EXPECT(type("\34") == SIGQUIT && type("\32") == SIGTSTP && shows("^Z"));
    modes(0, NOFLSH);
    EXPECT(type("ab\3") == SIGINT && type("\n") == 0 && reads(10, "ab\n"));
    modes(ISIG, 0);
    EXPECT(type("\3\n") == 0 && reads(10, "\3\n"));
}

TEST(linux_ldisc_raw)
{
    ldisc_init(&ldisc);
    EXPECT(type("li\nne") == 0);
    modes(ICANON | ECHO | ISIG, 0);
    EXPECT(reads(3, "li\n") && reads(10, "ne") && reads(10, NULL));
    ldisc.modes.iflag &= ~(uint32_t)ICRNL;
    EXPECT(type("\r\3\4\177") == 0 && reads(10, "\r\3\4\177"));
    EXPECT(type_bytes("\0x", 2) == 0);
    bool ready;
    EXPECT(ldisc_readable(&ldisc, 10, &ready) == 2 && ready);
    modes(0, ICANON);
    EXPECT(ldisc_readable(&ldisc, 10, &ready) == 2 && ready);
}

TEST(linux_ldisc_flow_and_output)
{
    ldisc_init(&ldisc);
    EXPECT(type("\23") == 0 && ldisc.stopped && type("\21") == 0 && !ldisc.stopped);
    EXPECT(reads(10, NULL) && shows(""));
    EXPECT(ldisc_write(&ldisc, (const uint8_t *)"a\nb\tc\r", 6) == 6 && shows("a\r\nb\tc\r"));
    ldisc.modes.oflag |= TAB3;
    EXPECT(ldisc_write(&ldisc, (const uint8_t *)"ab\t|", 4) == 4 && shows("ab      |"));
    ldisc.modes.oflag = 0;
    EXPECT(ldisc_write(&ldisc, (const uint8_t *)"a\n\t", 3) == 3 && shows("a\n\t"));
    uint8_t many[2 * RING_SIZE];
    memset(many, 'x', sizeof(many));
    uint64_t taken = ldisc_write(&ldisc, many, sizeof(many));
    EXPECT(taken > RING_SIZE - 16 && taken <= RING_SIZE);
}

/* A line that is too long loses what is too much; it can still be ended, and interrupted. */
TEST(linux_ldisc_full)
{
    ldisc_init(&ldisc);
    uint8_t many[2 * INPUT_SIZE];
    struct ldisc_event event;
    bool ready;
    memset(many, 'x', sizeof(many));
    EXPECT(ldisc_input(&ldisc, many, sizeof(many), &event) == sizeof(many) && !event.readable);
    EXPECT(type("\n") == 0 && ldisc_readable(&ldisc, 99999, &ready) == INPUT_SIZE && ready);
    EXPECT(ldisc_input(&ldisc, many, 10, &event) == 0); /* until somebody reads */
    EXPECT(ldisc_input(&ldisc, (const uint8_t *)"\3", 1, &event) == 1 && event.signal == SIGINT);
    EXPECT(type("ok\n") == 0 && reads(10, "ok\n"));
    modes(ICANON | ECHO, 0);
    uint64_t taken = ldisc_input(&ldisc, many, sizeof(many), &event);
    EXPECT(taken == INPUT_SIZE - 1 && ldisc_readable(&ldisc, 99999, &ready) == taken);
    ldisc_take(&ldisc, 100, true);
    EXPECT(ldisc_input(&ldisc, many, sizeof(many), &event) == 100);
}

/* Any bytes in any mode: nothing is read that was not typed, and counts stay within bounds. */
TEST(linux_ldisc_random)
{
    ldisc_init(&ldisc);
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t random = unit_random();
        uint8_t byte =
            (random >> 8 & 3) != 0 ? (uint8_t)(random >> 16) & 31 : (uint8_t)(random >> 16);
        struct ldisc_event event;
        bool ready;
        if (random % 97 == 0) {
            struct terminal_modes new = ldisc.modes;
            new.lflag ^= 1u << (random >> 32 & 15);
            new.iflag ^= 1u << (random >> 40 & 15);
            ldisc_set(&ldisc, &new);
        }
        (void)ldisc_input(&ldisc, &byte, 1, &event);
        uint64_t size = random >> 48 & 127, count = ldisc_readable(&ldisc, size, &ready);
        REQUIRE(count <= size && ldisc.out_at <= ldisc.lines && ldisc.lines <= ldisc.in_at);
        REQUIRE(ldisc.in_at - ldisc.out_at <= INPUT_SIZE);
        if (random % 5 == 0 && ready) {
            (void)ldisc_peek(&ldisc, &count);
            ldisc_take(&ldisc, count, true);
        }
        if (random % 11 == 0)
            ldisc.output.out = ldisc.output.in;
    }
}
