/*
 * A text console on a framebuffer of 32 bits per pixel, in 8x16 letters.
 *
 * Two grids of cells: `text` is what the screen should show, a ring of rows that begins at `top`,
 * so that scrolling moves nothing; `shown` is what has been drawn. After each piece of text the
 * cells that differ are drawn, and the framebuffer, slow to read, is never read.
 *
 *     text:   row (top + y) % rows holds line y          cell: letter | level << 8
 *
 * Life cycle: fbcon_init, then console_add; never removed.
 * Lock: all of it belongs to the console lock's holder.
 */
#pragma once

#include "boot/boot_info.h"
#include "trace/console.h"

#define FONT_FIRST  32 /* the font's letters: FONT_FIRST up to 126 */
#define FONT_COUNT  95
#define FONT_HEIGHT 16
#define FONT_WIDTH  8

/* Made by tools/font.py; a byte per line, the leftmost pixel in bit 7. */
extern const uint8_t font_glyphs[FONT_COUNT][FONT_HEIGHT];

#define FBCON_COLUMNS_MAX 480u
#define FBCON_ROWS_MAX    270u

struct fbcon {
    struct console console;
    volatile uint32_t *pixels;
    uint32_t pitch; /* pixels from one line to the next */
    uint32_t columns, rows;
    uint32_t top;                   /* the row of `text` that is the first line */
    uint32_t column, row;           /* where the next letter goes, on the screen */
    uint32_t dirty_low, dirty_high; /* lines that may differ: [low, high) */
    uint32_t colours[LOG_LEVELS], background;
    uint16_t *text, *shown; /* columns * rows cells each */
    char name[32];
};

/* The cells that a console on `framebuffer` needs for both grids; 0 if there can be none. */
size_t fbcon_cells(const struct boot_framebuffer *framebuffer);

/* Clears the screen. `pixels` shows the framebuffer, `cells` are fbcon_cells(). */
void fbcon_init(struct fbcon *fbcon, const struct boot_framebuffer *framebuffer, void *pixels,
                uint16_t *cells);
