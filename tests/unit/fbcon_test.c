/* The framebuffer console against a model that redraws everything, in memory with a margin. */
#include "chip/fbcon.h"
#include "lib/string.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define MARGIN_PIXEL 0xdeadbeefu

/* A screen, what should be on it, and the memory of both. */
struct rig {
    struct boot_framebuffer framebuffer;
    struct fbcon fbcon;
    uint32_t *pixels;
    uint16_t *cells;
    size_t words;
    char text[64][128]; /* model: what stands where, and its level */
    uint8_t level[64][128];
    uint32_t columns, rows, column, row;
};

static struct rig rig;

static bool rig_init(uint32_t width, uint32_t height, uint32_t pitch)
{
    rig.framebuffer = (struct boot_framebuffer){.base = PHYS(0x1000),
                                                .width = width,
                                                .height = height,
                                                .pitch = pitch,
                                                .red_shift = 16,
                                                .green_shift = 8};
    size_t cells = fbcon_cells(&rig.framebuffer);
    if (cells == 0)
        return false;
    rig.words = (size_t)pitch / 4 * height;
    rig.pixels = malloc(rig.words * 4);
    rig.cells = malloc(cells * 2);
    for (size_t i = 0; i < rig.words; i++)
        rig.pixels[i] = MARGIN_PIXEL;
    rig.columns = width / 8;
    rig.rows = height / 16;
    memset(rig.text, ' ', sizeof(rig.text));
    memset(rig.level, LOG_INFO, sizeof(rig.level));
    fbcon_init(&rig.fbcon, &rig.framebuffer, rig.pixels, rig.cells);
    return true;
}

static void model_newline(void)
{
    rig.column = 0;
    if (++rig.row < rig.rows)
        return;
    rig.row--;
    memmove(rig.text[0], rig.text[1], sizeof(rig.text) - sizeof(rig.text[0]));
    memmove(rig.level[0], rig.level[1], sizeof(rig.level) - sizeof(rig.level[0]));
    memset(rig.text[rig.row], ' ', sizeof(rig.text[0]));
    memset(rig.level[rig.row], LOG_INFO, sizeof(rig.level[0]));
}

static void model_byte(char byte, enum log_level level)
{
    if (byte == '\n') {
        model_newline();
        return;
    }
    if (byte == '\r' || byte == '\b') {
        rig.column = byte == '\b' && rig.column > 0 ? rig.column - 1 : 0;
        return;
    }
    if (rig.column == rig.columns)
        model_newline();
    rig.text[rig.row][rig.column] = byte >= ' ' && byte <= '~' ? byte : '?';
    rig.level[rig.row][rig.column++] = (uint8_t)level;
}

static void rig_write(const char *text, size_t size, enum log_level level)
{
    for (size_t i = 0; i < size; i++)
        model_byte(text[i], level);
    rig.fbcon.console.write(&rig.fbcon.console, level, text, size);
}

static uint32_t model_pixel(uint32_t x, uint32_t y)
{
    if (x >= rig.framebuffer.width)
        return MARGIN_PIXEL;
    if (x / 8 >= rig.columns || y / 16 >= rig.rows)
        return rig.fbcon.background;
    uint8_t letter = (uint8_t)rig.text[y / 16][x / 8];
    bool on = (font_glyphs[letter - FONT_FIRST][y % 16] & 0x80 >> x % 8) != 0;
    return on ? rig.fbcon.colours[rig.level[y / 16][x / 8]] : rig.fbcon.background;
}

static bool rig_same(void)
{
    uint32_t pitch = rig.framebuffer.pitch / 4;
    for (uint32_t y = 0; y < rig.framebuffer.height; y++)
        for (uint32_t x = 0; x < pitch; x++)
            if (rig.pixels[y * pitch + x] != model_pixel(x, y)) {
                fprintf(stderr, "pixel %u,%u\n", x, y);
                return false;
            }
    return true;
}

TEST(fbcon_font_has_letters)
{
    for (int i = 0; i < FONT_COUNT; i++) {
        uint32_t bits = 0;
        for (int line = 0; line < FONT_HEIGHT; line++)
            bits += (uint32_t)__builtin_popcount(font_glyphs[i][line]);
        EXPECT(i == 0 ? bits == 0 : bits >= 2 && bits < 100);
    }
    /* An underscore lies low, a bar stands upright. */
    EXPECT(font_glyphs['|' - FONT_FIRST][6] == font_glyphs['|' - FONT_FIRST][7]);
    EXPECT(font_glyphs['_' - FONT_FIRST][4] == 0);
}

TEST(fbcon_clears_and_names_itself)
{
    REQUIRE(rig_init(100, 50, 416));
    EXPECT(rig_same());
    EXPECT(strcmp(rig.fbcon.console.name, "framebuffer 100x50") == 0);
}

TEST(fbcon_colours_by_level_and_shift)
{
    REQUIRE(rig_init(640, 64, 2560));
    EXPECT(rig.fbcon.colours[LOG_ERROR] != rig.fbcon.colours[LOG_WARN]);
    EXPECT(rig.fbcon.colours[LOG_INFO] != rig.fbcon.colours[LOG_DEBUG]);
    EXPECT(rig.fbcon.colours[LOG_ERROR] >> 16 > (rig.fbcon.colours[LOG_ERROR] & 0xff));
    for (int level = 0; level < LOG_LEVELS; level++)
        rig_write("Level", 5, (enum log_level)level);
    EXPECT(rig_same());
    struct boot_framebuffer turned = rig.framebuffer;
    turned.red_shift = 0;
    turned.blue_shift = 16;
    uint32_t error = rig.fbcon.colours[LOG_ERROR];
    fbcon_init(&rig.fbcon, &turned, rig.pixels, rig.cells);
    EXPECT((rig.fbcon.colours[LOG_ERROR] & 0xff) == error >> 16);
}

TEST(fbcon_scrolls_and_wraps)
{
    REQUIRE(rig_init(83, 50, 352));
    const char text[] = "one\ntwo\nthree, which is longer than a line\n\nlast\b\b!\rL";
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        rig_write(&text[i], 1, LOG_INFO);
        REQUIRE(rig_same());
    }
    rig_write(text, sizeof(text) - 1, LOG_WARN);
    EXPECT(rig_same());
}

TEST(fbcon_like_model)
{
    static const uint32_t sizes[][3] = {
        {8, 16, 32}, {15, 31, 64}, {320, 200, 1280}, {1000, 100, 4096}};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        memset(&rig, 0, sizeof(rig));
        REQUIRE(rig_init(sizes[s][0], sizes[s][1], sizes[s][2]));
        for (int round = 0; round < 60; round++) {
            char text[200];
            size_t size = unit_random() % sizeof(text);
            for (size_t i = 0; i < size; i++) {
                uint64_t r = unit_random();
                text[i] = r % 16 == 0 ? "\n\r\b\n"[r / 16 % 4] : (char)(r >> 8);
                if (text[i] == '\t' || text[i] == '\a')
                    text[i] = 't';
            }
            rig_write(text, size, (enum log_level)(unit_random() % LOG_LEVELS));
            REQUIRE(rig_same());
        }
        free(rig.pixels);
        free(rig.cells);
    }
}

TEST(fbcon_tabs_to_eights)
{
    REQUIRE(rig_init(640, 64, 2560));
    rig.fbcon.console.write(&rig.fbcon.console, LOG_INFO, "ab\tc\t\td", 7);
    rig_write("", 0, LOG_INFO);
    rig.text[0][0] = 'a';
    rig.text[0][1] = 'b';
    rig.text[0][8] = 'c';
    rig.text[0][24] = 'd';
    EXPECT(rig_same());
}

/* What cannot be a console is refused; what is larger than the grid is clipped. */
TEST(fbcon_bounds_geometry)
{
    struct boot_framebuffer fb = {.base = PHYS(0x1000), .width = 640, .height = 480, .pitch = 2560};
    EXPECT(fbcon_cells(&fb) == (size_t)2 * 80 * 30);
    struct boot_framebuffer bad = fb;
    bad.pitch = 2556;
    EXPECT(fbcon_cells(&bad) == 0);
    bad.pitch = 2561;
    EXPECT(fbcon_cells(&bad) == 0);
    bad = fb;
    bad.base.pa = 0x1002;
    EXPECT(fbcon_cells(&bad) == 0);
    bad = fb;
    bad.green_shift = 25;
    EXPECT(fbcon_cells(&bad) == 0);
    bad = fb;
    bad.width = 7;
    EXPECT(fbcon_cells(&bad) == 0);
    bad = fb;
    bad.height = 15;
    EXPECT(fbcon_cells(&bad) == 0);
    struct boot_framebuffer huge = {
        .base = PHYS(0x1000), .width = 100000, .height = 100000, .pitch = 400000};
    EXPECT(fbcon_cells(&huge) == (size_t)2 * FBCON_COLUMNS_MAX * FBCON_ROWS_MAX);
}
