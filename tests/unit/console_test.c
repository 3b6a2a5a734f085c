/* Consoles: the list, the replay of the ring, and the input ring against a model. */
#include "fake_machine.h"
#include "lib/string.h"
#include "unit.h"

#define INPUT_SIZE 256

TEST(console_gets_the_ring_first)
{
    static struct fake_console fake;
    fake_console_init(&fake, "fake");
    fake_log_add(LOG_WARN, "one: first");
    fake_log_add(LOG_DEBUG, "one: not shown");
    fake_log_add(LOG_ERROR, "two: third");
    console_add(&fake.console);
    EXPECT(strcmp(fake.text, "[   0.000000] warn  one: first\n"
                             "[   0.003000] error two: third\n") == 0);
    EXPECT(fake.level == LOG_ERROR);
    console_print("%d-%s", 7, "x");
    EXPECT(strcmp(fake.text + fake.size - 3, "7-x") == 0);
}

TEST(console_prints_on_all_in_order)
{
    static struct fake_console a, b;
    char names[32], cut[4];
    console_names(names, sizeof(names));
    EXPECT(names[0] == 0);
    fake_console_init(&a, "a");
    fake_console_init(&b, "b");
    console_add(&a.console);
    console_add(&b.console);
    console_write(LOG_DEBUG, "text", 3);
    EXPECT(strcmp(a.text, "tex") == 0 && strcmp(b.text, "tex") == 0 && b.level == LOG_DEBUG);
    console_names(names, sizeof(names));
    EXPECT(strcmp(names, "a, b") == 0);
    console_names(cut, sizeof(cut));
    EXPECT(strcmp(cut, "a, ") == 0);
}

/* A line that is too long is cut, and still a line. */
TEST(console_line_is_cut)
{
    static struct fake_console fake;
    static char text[600];
    fake_console_init(&fake, "fake");
    console_add(&fake.console);
    memset(text, 'x', sizeof(text) - 1);
    console_line(LOG_INFO, 0, text);
    EXPECT(fake.size > 100 && fake.size < 300 && fake.text[fake.size - 1] == '\n');
}

TEST(console_input_like_model)
{
    static char queue[INPUT_SIZE];
    uint32_t put = 0, took = 0, dropped = 0;
    for (int i = 0; i < 100000; i++) {
        char byte = (char)unit_random();
        if (unit_random() % 64 == 0)
            for (int burst = 0; burst < 200; burst++, byte++) {
                console_input(byte);
                if (put - took == INPUT_SIZE)
                    dropped++;
                else
                    queue[put++ % INPUT_SIZE] = byte;
            }
        char got;
        bool any = console_take(&got);
        REQUIRE(any == (put != took));
        if (any)
            REQUIRE(got == queue[took++ % INPUT_SIZE]);
    }
    EXPECT(dropped > 0 && console_dropped() == dropped);
}
