/* The job's channels to the outside (streams.h). */
#include "streams.h"
#include "lib/print.h"
#include "mm.h"
#include "rt/begin.h"
#include "rt/channel.h"
#include "stream.h"
#include "sys/thread.h"
#include "tty.h"
#include "worker.h"
#include <root.h>
#include <space.h>
#include <string.h>

#define IPC_PROTOCOL locator
#define IPC_LIST     <ipc/locator.def>
#include "rt/ipc_client.h"

#define IPC_PROTOCOL console
#define IPC_LIST     <ipc/console.def>
#include "rt/ipc_client.h"

#define CHANNELS_VA UINT64_C(0x300000000000)
#define PIECE       1024
#define LINE_MOST   256

enum { IN, OUT, ERR, CONTROL, CHANNELS };

static const char *const names[CHANNELS] = {"tern.in", "tern.out", "tern.err", "tern.control"};

/* A channel; what its ring gave and the stream has not taken yet stands in `piece`. */
struct channel {
    struct stream stream;
    struct rt_ring_end in, out;
    slot_t bell;
    char piece[PIECE];
    uint32_t from, to;
};

static struct channel channels[CHANNELS];
static slot_t console; /* 0: none */
static char line[LINE_MOST];
static uint32_t line_used;

static struct channel *channel_of(struct stream *stream)
{
    return CONTAINER_OF(stream, struct channel, stream);
}

/* --- to outside --- */

static uint64_t channel_write(struct stream *stream, const void *bytes, uint64_t size)
{
    struct channel *channel = channel_of(stream);
    bool signal;
    if (channel == &channels[IN]) /* the tty's: typed there, shown here */
        channel = &channels[OUT];
    uint32_t part = rt_ring_put(&channel->out, bytes,
                                (uint32_t)(size < RT_RING_BYTES ? size : RT_RING_BYTES), &signal);
    if (signal)
        (void)tern_port_signal(channel->bell, 1);
    return part;
}

/* The kernel's console, where there is no other. */
static uint64_t debug_write(struct stream *stream, const void *bytes, uint64_t size)
{
    (void)stream;
    for (uint64_t at = 0, part; at < size; at += part) {
        part = size - at < DEBUG_WRITE_MAX ? size - at : DEBUG_WRITE_MAX;
        (void)tern_debug_write((uaddr_t){(uintptr_t)bytes + at}, part);
    }
    return size;
}

static void debug_room(struct stream *stream)
{
    (void)stream;
}

/* --- from outside --- */

/* "size ROWS COLUMNS" */
static void line_take(void)
{
    struct winsize size = {0};
    uint64_t number[2] = {0};
    unsigned which = 0;
    if (strncmp(line, "size ", 5) != 0 || console_tty() == NULL)
        return;
    for (const char *at = line + 5; *at != 0 && which < 2; at++) {
        if (*at == ' ')
            which++;
        else if (*at >= '0' && *at <= '9')
            number[which] = (number[which] * 10 + (uint64_t)(*at - '0')) & UINT16_MAX;
    }
    size.ws_row = (unsigned short)number[0];
    size.ws_col = (unsigned short)number[1];
    tty_resize(console_tty(), &size);
}

static void control_take(const char *bytes, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[i] != '\n') {
            if (line_used + 1 < sizeof(line))
                line[line_used++] = bytes[i];
            continue;
        }
        line[line_used] = 0;
        line_used = 0;
        line_take();
    }
}

/* Gives the stream what the ring has, until either has enough. */
static void pump(struct channel *channel)
{
    for (;;) {
        if (channel->from == channel->to) {
            bool signal;
            channel->from = 0;
            channel->to =
                rt_ring_get(&channel->in, channel->piece, sizeof(channel->piece), &signal);
            if (signal)
                (void)tern_port_signal(channel->bell, 1);
        }
        uint32_t size = channel->to - channel->from;
        if (size == 0)
            break;
        if (channel == &channels[CONTROL]) {
            control_take(channel->piece, size);
            channel->from = channel->to;
            continue;
        }
        uint64_t taken = stream_input(&channel->stream, channel->piece + channel->from, size);
        channel->from += (uint32_t)taken;
        if (taken < size)
            return; /* its room is told */
    }
    if (rt_ring_ended(&channel->in))
        stream_end(&channel->stream);
}

static void channel_room(struct stream *stream)
{
    pump(channel_of(stream));
}

void streams_take(uint64_t bits)
{
    for (unsigned i = 0; i < CHANNELS; i++)
        if ((bits & (STREAM_BITS & -STREAM_BITS) << i) != 0) {
            pump(&channels[i]);
            stream_writable(&channels[i].stream);
            if (i == OUT)
                stream_writable(&channels[IN].stream);
        }
}

/* --- the beginning --- */

static const struct stream_ops channel_ops = {.write = channel_write, .room = channel_room};
static const struct stream_ops debug_ops = {.write = debug_write, .room = debug_room};

static error_t channel_join(unsigned which)
{
    struct channel *channel = &channels[which];
    const uint64_t step = 2 * RT_CHANNEL_BYTES;
    uint64_t va = CHANNELS_VA + which * step;
    slot_t memory, bell;
    error_t error =
        tern_object_create(server_job, OBJECT_memory, (slot_t){0}, RT_CHANNEL_BYTES, &memory);
    if (error == OK)
        error = tern_space_map(root_slot(ROOT_SLOT_PROCESS), memory, 0, (uaddr_t){va},
                               RT_CHANNEL_BYTES, SPACE_READ | SPACE_WRITE);
    if (error == OK)
        error = tern_cap_derive(server_port, (rights_t){RIGHT_signal | RIGHT_grant}, 0, &bell);
    if (error != OK)
        return error;
    channel->out = rt_channel_out((void *)va);
    channel->in = rt_channel_in((void *)va);
    return console_attach(console, sys_page, names[which], (STREAM_BITS & -STREAM_BITS) << which,
                          memory, bell, &channel->bell);
}

int64_t streams_prepare(void)
{
    error_t error =
        locator_find((slot_t){UINT64_C(1) << 32 | RT_SLOT_LOCATOR}, sys_page, "console", &console);
    for (unsigned i = 0; i < CHANNELS; i++)
        stream_init(&channels[i].stream, error == OK ? &channel_ops : &debug_ops);
    if (error == ERR_denied || error == ERR_bad_slot || error == ERR_not_found) {
        console = (slot_t){0};
        stream_end(&channels[IN].stream);
        return 0;
    }
    for (unsigned i = 0; error == OK && i < CHANNELS; i++)
        error = channel_join(i);
    for (unsigned i = 0; error == OK && i < CHANNELS; i++)
        pump(&channels[i]); /* which says that it sleeps */
    streams_tell("ready");
    return error_number(error);
}

static int64_t standard_tty(struct files *files, struct group *group, uint32_t rows,
                            uint32_t columns)
{
    const struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    int64_t error = console_start(&channels[IN].stream);
    if (error != 0)
        return error;
    tty_resize(console_tty(), &size);
    tty_control(console_tty(), group);
    struct file *file = console_file(O_RDWR);
    error = file != NULL ? files_standard(files, file, file, file) : -ENOMEM;
    file_put(file);
    return error;
}

int64_t streams_standard(struct files *files, struct group *group, bool tty, uint32_t rows,
                         uint32_t columns)
{
    if (tty)
        return standard_tty(files, group, rows, columns);
    struct file *in = stream_file(&channels[IN].stream, O_RDONLY);
    struct file *out = stream_file(&channels[OUT].stream, O_WRONLY);
    struct file *err = stream_file(&channels[ERR].stream, O_WRONLY);
    bool made = in != NULL && out != NULL && err != NULL;
    int64_t error = made ? files_standard(files, in, out, err) : -ENOMEM;
    file_put(in);
    file_put(out);
    file_put(err);
    return error;
}

/* --- the end --- */

void streams_tell(const char *format, ...)
{
    char text[LINE_MOST];
    va_list args;
    if (console.value == 0)
        return;
    va_start(args, format);
    size_t length = vprint_buffer(text, sizeof(text) - 1, format, args);
    va_end(args);
    length = length < sizeof(text) - 2 ? length : sizeof(text) - 2;
    text[length++] = '\n';
    (void)channel_write(&channels[CONTROL].stream, text, length);
}

void streams_drain(void)
{
    for (unsigned i = OUT; console.value != 0 && i < CHANNELS; i++)
        (void)console_drain(console, sys_page, names[i]);
}
