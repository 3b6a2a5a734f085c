/* Formatted output (print.h). Digits are made in a small buffer; plain text goes out in runs. */
#include "lib/print.h"
#include "lib/string.h"

struct print_spec {
    bool left, zero;
    unsigned width;
    size_t precision; /* SIZE_MAX: none */
    unsigned longs;   /* 0: int, 1 and more: 64 bits */
};

/* Holds the arguments too: a va_list given to a function by value may or may not move on. */
struct print_out {
    print_sink sink;
    void *context;
    va_list args;
};

static void print_fill(struct print_out *out, char byte, size_t count)
{
    for (; count > 0; count--)
        out->sink(out->context, &byte, 1);
}

static void print_padded(struct print_out *out, const struct print_spec *spec, const char *text,
                         size_t size)
{
    size_t pad = spec->width > size ? spec->width - size : 0;
    if (!spec->left)
        print_fill(out, ' ', pad);
    out->sink(out->context, text, size);
    if (spec->left)
        print_fill(out, ' ', pad);
}

static void print_number(struct print_out *out, const struct print_spec *spec, uint64_t value,
                         unsigned base, bool negative)
{
    char digits[24];
    size_t at = sizeof(digits);
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    size_t count = sizeof(digits) - at;
    if (spec->zero && !spec->left) {
        if (negative)
            out->sink(out->context, "-", 1);
        size_t used = count + (negative ? 1 : 0);
        print_fill(out, '0', spec->width > used ? spec->width - used : 0);
        out->sink(out->context, digits + at, count);
        return;
    }
    if (negative)
        digits[--at] = '-';
    print_padded(out, spec, digits + at, sizeof(digits) - at);
}

static const char *print_parse(const char *format, struct print_spec *spec, struct print_out *out)
{
    *spec = (struct print_spec){.precision = SIZE_MAX};
    for (; *format == '-' || *format == '0'; format++) {
        spec->left |= *format == '-';
        spec->zero |= *format == '0';
    }
    for (; *format >= '0' && *format <= '9'; format++)
        spec->width = spec->width * 10 + (unsigned)(*format - '0');
    if (*format == '.') {
        format++;
        spec->precision = 0;
        if (*format == '*') {
            spec->precision = (size_t)va_arg(out->args, int);
            format++;
        }
        for (; *format >= '0' && *format <= '9'; format++)
            spec->precision = spec->precision * 10 + (unsigned)(*format - '0');
    }
    for (; *format == 'l' || *format == 'z'; format++)
        spec->longs++;
    return format;
}

static void print_signed(struct print_out *out, const struct print_spec *spec)
{
    int64_t value = spec->longs > 0 ? va_arg(out->args, long long) : va_arg(out->args, int);
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    print_number(out, spec, size, 10, value < 0);
}

static uint64_t print_unsigned(struct print_out *out, const struct print_spec *spec)
{
    return spec->longs > 0 ? va_arg(out->args, unsigned long long)
                           : va_arg(out->args, unsigned int);
}

static void print_string(struct print_out *out, const struct print_spec *spec, const char *s)
{
    if (s == NULL)
        s = "(null)";
    print_padded(out, spec, s, string_length(s, spec->precision));
}

/* One conversion; returns false if there is no such one. */
static bool print_one(struct print_out *out, const struct print_spec *spec, char conversion)
{
    char byte;
    switch (conversion) {
    case 'd':
    case 'i':
        print_signed(out, spec);
        return true;
    case 'u':
        print_number(out, spec, print_unsigned(out, spec), 10, false);
        return true;
    case 'x':
        print_number(out, spec, print_unsigned(out, spec), 16, false);
        return true;
    case 'p':
        out->sink(out->context, "0x", 2);
        print_number(out, spec, (uintptr_t)va_arg(out->args, void *), 16, false);
        return true;
    case 'c':
        byte = (char)va_arg(out->args, int);
        print_padded(out, spec, &byte, 1);
        return true;
    case 's':
        print_string(out, spec, va_arg(out->args, const char *));
        return true;
    case '%':
        out->sink(out->context, "%", 1);
        return true;
    default:
        return false;
    }
}

void print_to(print_sink sink, void *context, const char *format, va_list args)
{
    struct print_out out = {.sink = sink, .context = context};
    va_copy(out.args, args);
    while (*format != 0) {
        size_t run = 0;
        while (format[run] != 0 && format[run] != '%')
            run++;
        if (run > 0)
            sink(context, format, run);
        format += run;
        if (*format == 0)
            break;
        struct print_spec spec;
        const char *end = print_parse(format + 1, &spec, &out);
        if (*end != 0 && print_one(&out, &spec, *end)) {
            format = end + 1;
            continue;
        }
        sink(context, format, 1); /* an unknown conversion stands for itself */
        format++;
    }
    va_end(out.args);
}

struct text text_in(char *buffer, size_t size)
{
    buffer[0] = 0;
    return (struct text){buffer, size, 0};
}

static void text_store(void *context, const char *piece, size_t size)
{
    struct text *text = context;
    if (text->length + 1 < text->size) {
        size_t stored = min_u64(size, text->size - 1 - text->length);
        memcpy(text->buffer + text->length, piece, stored);
        text->buffer[text->length + stored] = 0;
    }
    text->length += size;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_to(text_store, text, format, args);
    va_end(args);
}

size_t vprint_buffer(char *buffer, size_t size, const char *format, va_list args)
{
    struct text text = text_in(buffer, size);
    print_to(text_store, &text, format, args);
    return text.length;
}

size_t print_buffer(char *buffer, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t length = vprint_buffer(buffer, size, format, args);
    va_end(args);
    return length;
}
