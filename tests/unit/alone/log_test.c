/* trace/log.c itself: the other tests have the host's log in its place. */
#include "host.h"
#include "lib/string.h"
#include "trace/console.h"
#include "trace/log.h"
#include "unit.h"

#include <stdio.h>

#define RING 256 /* records that the ring holds */

static uint32_t shown, written;
static char first[128], last[128];
static enum log_level last_level;

void console_line(enum log_level level, uint64_t time_ns, const char *text)
{
    (void)time_ns, (void)text;
    last_level = level;
    written++;
}

static void note(enum log_level level, uint64_t time_ns, const char *text)
{
    (void)time_ns;
    last_level = level;
    string_copy(shown == 0 ? first : last, sizeof(first), text);
    shown++;
}

TEST(log_ring_keeps_the_newest)
{
    for (int i = 0; i < RING + 10; i++)
        log_info("test", "line %d", i);
    log_show(UINT32_MAX, note);
    EXPECT(shown == RING && strcmp(first, "test: line 10") == 0);
    EXPECT(strcmp(last, "test: line 265") == 0);
    shown = 0;
    log_show(3, note);
    EXPECT(shown == 3 && strcmp(first, "test: line 263") == 0);
}

TEST(log_levels_filter_consoles_not_the_ring)
{
    log_debug("test", "quiet");
    EXPECT(written == 0);
    log_warn("test", "loud");
    EXPECT(written == 1 && last_level == LOG_WARN);
    log_set_level(LOG_DEBUG);
    log_debug("test", "now heard");
    EXPECT(written == 2 && log_shows(LOG_DEBUG));
    log_set_level(LOG_ERROR);
    log_warn("test", "not heard");
    EXPECT(written == 2 && !log_shows(LOG_WARN) && log_shows(LOG_ERROR));
    log_show(UINT32_MAX, note);
    EXPECT(shown == 4 && last_level == LOG_WARN);
}

TEST(log_cuts_long_lines)
{
    char text[300];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    log_info("test", "%s", text);
    log_info(text, "%s", "words");
    log_show(UINT32_MAX, note);
    EXPECT(shown == 2 && strlen(first) == 111 && strlen(last) == 111);
    EXPECT(strncmp(first, "test: xxx", 9) == 0);
}

TEST(log_level_names)
{
    enum log_level level = LOG_ERROR;
    for (int i = 0; i < LOG_LEVELS; i++)
        EXPECT(log_level_parse(log_level_name((enum log_level)i), &level) && (int)level == i);
    EXPECT(!log_level_parse("loud", &level) && !log_level_parse("", &level));
}
