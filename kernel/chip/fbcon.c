/* Text on a framebuffer (fbcon.h). */
#include "chip/fbcon.h"
#include "arch/mmu.h"
#include "boot/subsystem.h"
#include "lib/print.h"
#include "lib/string.h"
#include "mem/heap.h"
#include "mem/vmap.h"

#define BACKGROUND 0x101820u
#define TAB        8u
#define CELL_BLANK ((uint16_t)(' ' | LOG_INFO << 8))

/* Red, green and blue, 8 bits each. */
static const uint32_t level_colours[LOG_LEVELS] = {
    [LOG_ERROR] = 0xff6058,
    [LOG_WARN] = 0xf0c050,
    [LOG_INFO] = 0xd8dcd8,
    [LOG_DEBUG] = 0x808890,
};

static uint32_t fbcon_colour(const struct boot_framebuffer *framebuffer, uint32_t rgb)
{
    return (rgb >> 16 & 0xff) << framebuffer->red_shift |
           (rgb >> 8 & 0xff) << framebuffer->green_shift | (rgb & 0xff) << framebuffer->blue_shift;
}

static uint32_t fbcon_columns(const struct boot_framebuffer *framebuffer)
{
    return (uint32_t)min_u64(framebuffer->width / FONT_WIDTH, FBCON_COLUMNS_MAX);
}

static uint32_t fbcon_rows(const struct boot_framebuffer *framebuffer)
{
    return (uint32_t)min_u64(framebuffer->height / FONT_HEIGHT, FBCON_ROWS_MAX);
}

size_t fbcon_cells(const struct boot_framebuffer *framebuffer)
{
    bool sound = framebuffer->base.pa % 4 == 0 && framebuffer->pitch % 4 == 0 &&
                 framebuffer->pitch / 4 >= framebuffer->width && framebuffer->red_shift <= 24 &&
                 framebuffer->green_shift <= 24 && framebuffer->blue_shift <= 24;
    return sound ? (size_t)2 * fbcon_columns(framebuffer) * fbcon_rows(framebuffer) : 0;
}

static uint16_t *fbcon_line(struct fbcon *fbcon, uint32_t y)
{
    return fbcon->text + (size_t)((fbcon->top + y) % fbcon->rows) * fbcon->columns;
}

static void fbcon_draw(struct fbcon *fbcon, uint32_t x, uint32_t y, uint16_t cell)
{
    const uint8_t *glyph = font_glyphs[(cell & 0xff) - FONT_FIRST];
    uint32_t on = fbcon->colours[cell >> 8], off = fbcon->background;
    volatile uint32_t *line =
        fbcon->pixels + (size_t)y * FONT_HEIGHT * fbcon->pitch + (size_t)x * FONT_WIDTH;
    for (int i = 0; i < FONT_HEIGHT; i++, line += fbcon->pitch)
        for (uint32_t bit = 0; bit < FONT_WIDTH; bit++)
            line[bit] = (glyph[i] & 0x80u >> bit) != 0 ? on : off;
}

/* Draws what differs between `text` and `shown`. */
static void fbcon_refresh(struct fbcon *fbcon)
{
    for (uint32_t y = fbcon->dirty_low; y < fbcon->dirty_high; y++) {
        const uint16_t *line = fbcon_line(fbcon, y);
        uint16_t *shown = fbcon->shown + (size_t)y * fbcon->columns;
        for (uint32_t x = 0; x < fbcon->columns; x++) {
            if (shown[x] == line[x])
                continue;
            fbcon_draw(fbcon, x, y, line[x]);
            shown[x] = line[x];
        }
    }
    fbcon->dirty_low = fbcon->rows;
    fbcon->dirty_high = 0;
}

static void line_blank(uint16_t *line, uint32_t columns)
{
    for (uint32_t x = 0; x < columns; x++)
        line[x] = CELL_BLANK;
}

static void fbcon_scroll(struct fbcon *fbcon)
{
    fbcon->top = (fbcon->top + 1) % fbcon->rows;
    line_blank(fbcon_line(fbcon, fbcon->rows - 1), fbcon->columns);
    fbcon->dirty_low = 0;
    fbcon->dirty_high = fbcon->rows;
}

static void fbcon_newline(struct fbcon *fbcon)
{
    fbcon->column = 0;
    if (fbcon->row + 1 < fbcon->rows)
        fbcon->row++;
    else
        fbcon_scroll(fbcon);
}

static void fbcon_letter(struct fbcon *fbcon, enum log_level level, char byte)
{
    bool known = byte >= FONT_FIRST && byte < FONT_FIRST + FONT_COUNT;
    if (fbcon->column == fbcon->columns)
        fbcon_newline(fbcon);
    fbcon_line(fbcon, fbcon->row)[fbcon->column++] =
        (uint16_t)((known ? byte : '?') | (int)level << 8);
    fbcon->dirty_low = (uint32_t)min_u64(fbcon->dirty_low, fbcon->row);
    fbcon->dirty_high = (uint32_t)max_u64(fbcon->dirty_high, fbcon->row + 1);
}

static void fbcon_byte(struct fbcon *fbcon, enum log_level level, char byte)
{
    switch (byte) {
    case '\n':
        fbcon_newline(fbcon);
        break;
    case '\r':
        fbcon->column = 0;
        break;
    case '\b':
        fbcon->column -= fbcon->column > 0 ? 1 : 0;
        break;
    case '\t':
        do
            fbcon_letter(fbcon, level, ' ');
        while (fbcon->column % TAB != 0 && fbcon->column < fbcon->columns);
        break;
    case '\a':
        break;
    default:
        fbcon_letter(fbcon, level, byte);
        break;
    }
}

static void fbcon_write(struct console *console, enum log_level level, const char *text,
                        size_t size)
{
    struct fbcon *fbcon = CONTAINER_OF(console, struct fbcon, console);
    for (size_t i = 0; i < size; i++)
        fbcon_byte(fbcon, level, text[i]);
    fbcon_refresh(fbcon);
}

/* All pixels, also those beside the last whole letter. */
static void fbcon_clear(const struct fbcon *fbcon, uint32_t width, uint32_t height)
{
    volatile uint32_t *line = fbcon->pixels;
    for (uint32_t y = 0; y < height; y++, line += fbcon->pitch)
        for (uint32_t x = 0; x < width; x++)
            line[x] = fbcon->background;
}

void fbcon_init(struct fbcon *fbcon, const struct boot_framebuffer *framebuffer, void *pixels,
                uint16_t *cells)
{
    uint32_t columns = fbcon_columns(framebuffer), rows = fbcon_rows(framebuffer);
    *fbcon = (struct fbcon){.pixels = pixels,
                            .pitch = framebuffer->pitch / 4,
                            .columns = columns,
                            .rows = rows,
                            .dirty_low = rows,
                            .text = cells,
                            .shown = cells + (size_t)columns * rows,
                            .background = fbcon_colour(framebuffer, BACKGROUND)};
    for (int i = 0; i < LOG_LEVELS; i++)
        fbcon->colours[i] = fbcon_colour(framebuffer, level_colours[i]);
    line_blank(cells, 2 * columns * rows);
    fbcon_clear(fbcon, framebuffer->width, framebuffer->height);
    print_buffer(fbcon->name, sizeof(fbcon->name), "framebuffer %ux%u", framebuffer->width,
                 framebuffer->height);
    fbcon->console.name = fbcon->name;
    fbcon->console.write = fbcon_write;
}

static struct fbcon screen;

static error_t fbcon_start(void)
{
    const struct boot_framebuffer *framebuffer = &the_boot_info.framebuffer;
    if (framebuffer->width == 0)
        return ERR_unsupported;
    size_t cells = fbcon_cells(framebuffer);
    if (cells == 0)
        return ERR_malformed;
    uint16_t *memory = kmalloc(cells * sizeof(uint16_t));
    if (memory == NULL)
        return ERR_no_memory;
    void *pixels;
    error_t error =
        vmap_device(framebuffer->base, (uint64_t)framebuffer->pitch * framebuffer->height,
                    MAP_COMBINE | MAP_WRITE, &pixels);
    if (error != OK) {
        kfree(memory);
        return error;
    }
    fbcon_init(&screen, framebuffer, pixels, memory);
    console_add(&screen.console);
    return OK;
}

SUBSYSTEM(fbcon, .level = LEVEL_console, .privilege = PRIVILEGE_DRIVER, .start = fbcon_start)
