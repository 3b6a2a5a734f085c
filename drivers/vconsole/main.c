/*
 * vconsole's life (vconsole.h): opens the device that init has given it, waits until the ports have
 * their names, offers its service, and serves. A device that is broken ends it, with the error's
 * number; init then starts it again, and the device is reset.
 */
#include "rt/begin.h"
#include "sys/thread.h"
#include "vconsole.h"

#define IPC_PROTOCOL locator
#define IPC_LIST     <ipc/locator.def>
#include "rt/ipc_client.h"

#define DEVICE_VA     UINT64_C(0x200000000000) /* registers, and memory for DMA */
#define CHANNELS_VA   UINT64_C(0x210000000000)
#define CHANNEL_SPACE (2 * RT_CHANNEL_BYTES)
#define NAMES_NS      UINT64_C(5000000000) /* as long the device may take to name its ports */

static struct vconsole the_driver;

static error_t driver_open(struct vconsole *driver)
{
    const uint64_t bits[VIRTIO_GIVEN_IRQS] = {BIT_CONFIG, BIT_QUEUES};
    error_t error = sys_port_create(PORT_DEPTH_MAX, &driver->port);
    if (error == OK)
        error = sys_reply_create(&driver->reply);
    if (error == OK)
        error = virtio_given_open(&driver->given, DEVICE_VA, CHANNELS_VA, driver->port, bits);
    if (error == OK)
        error = console_open(&driver->console, &driver->given.virtio);
    for (uint32_t id = 0; error == OK && id < driver->console.port_count; id++)
        channel_init(&driver->channels[id], &driver->console.ports[id],
                     CHANNELS_VA + id * CHANNEL_SPACE);
    return error;
}

static error_t pump(struct vconsole *driver)
{
    error_t error = OK;
    for (uint32_t id = 0; error == OK && id < driver->console.port_count; id++)
        error = channel_pump(&driver->channels[id]);
    if (error == OK)
        serve_drained(driver);
    return error;
}

/* Interrupts and clients' bells. */
static error_t take_bits(struct vconsole *driver, uint64_t bits)
{
    uint32_t changed = 0;
    (void)virtio_acknowledge(&driver->given.virtio, bits);
    if (virtio_is_broken(&driver->given.virtio))
        return ERR_malformed;
    error_t error = console_progress(&driver->console, &changed);
    return error == OK ? pump(driver) : error;
}

/* Each port that there is has its name, and there is one. The device tells of all ports before it
 * names the first. */
static bool named(const struct console *console)
{
    uint32_t count = 0, names = 0;
    for (uint32_t id = 0; id < console->port_count; id++) {
        count += console->ports[id].state != CONSOLE_ABSENT;
        names += console->ports[id].name[0] != 0;
    }
    return count != 0 && names == count;
}

/* What comes meanwhile is of the device alone: nobody else knows the port. One that names no ports
 * is served nevertheless, for what it may get later. */
static error_t names_wait(struct vconsole *driver)
{
    uint64_t now = 0;
    struct message message = {0};
    error_t error = tern_clock_read(&now);
    const uint64_t deadline = now + NAMES_NS;
    while (error == OK && !named(&driver->console)) {
        error = tern_port_receive(driver->port, (slot_t){0}, &message, deadline);
        if (error == OK)
            error = take_bits(driver, message.word[0]);
    }
    return error == ERR_timeout ? OK : error;
}

static error_t offer(struct vconsole *driver)
{
    slot_t service;
    error_t error = tern_cap_derive(
        driver->port, (rights_t){RIGHT_send | RIGHT_signal | RIGHT_grant}, 0, &service);
    if (error != OK)
        return error;
    return locator_offer((slot_t){UINT64_C(1) << 32 | RT_SLOT_LOCATOR}, sys_page, "console",
                         service);
}

static error_t serve(struct vconsole *driver)
{
    struct message message = {0};
    for (;;) {
        error_t error = tern_port_receive(driver->port, driver->reply, &message, DEADLINE_NEVER);
        if (error == OK && message.kind == MESSAGE_signal) {
            error = take_bits(driver, message.word[0]);
        } else if (error == OK && message.kind == MESSAGE_call) {
            serve_call(driver, &message);
            error = pump(driver);
        } else if (error == OK) {
            ipc_caps_drop(&message);
        }
        if (error != OK)
            return error;
    }
}

int main(void)
{
    struct vconsole *driver = &the_driver;
    (void)rt_begin();
    error_t error = driver_open(driver);
    if (error == OK)
        error = names_wait(driver);
    if (error == OK)
        error = offer(driver);
    if (error == OK)
        error = serve(driver);
    return (int)error;
}
