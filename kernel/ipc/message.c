/* Messages on their way (message.h). */
#include "ipc/message.h"
#include "lib/assert.h"
#include "lib/string.h"
#include "mem/memory.h"

/* Every capability must be there and may be granted, before anything happens. */
error_t message_check_caps(const struct message *message)
{
    for (uint32_t i = 0; i < message->caps; i++) {
        struct slot *slot;
        error_t error = slot_lookup(message->table, message_cap(message, i), RIGHT_grant, &slot);
        if (error != OK)
            return error;
    }
    return OK;
}

static void words_from_frame(struct message *message, const struct trap_frame *frame)
{
    message->label = frame_label(frame);
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        message->words[i] = frame_word(frame, i);
}

error_t message_from_thread(struct message *message, struct thread *thread, uint64_t badge)
{
    uint64_t control = frame_control(&thread->frame);
    message->kind = (enum message_kind)thread->sending;
    message->way = ANSWER_RESULT;
    message->badge = badge;
    message->bytes = (uint32_t)control_bytes(control);
    message->page = thread->page;
    message->caps = (uint32_t)control_caps(control);
    message->moved = (uint32_t)(control >> CONTROL_MOVE_SHIFT) & 15;
    message->table = &thread->process->table;
    words_from_frame(message, &thread->frame);
    if (message->bytes > MESSAGE_PAGE || message->caps > MESSAGE_CAPS_MAX)
        return ERR_bad_argument;
    return message->caps == 0 ? OK : message_check_caps(message);
}

static bool kind_is_foreign(enum message_kind kind)
{
    return kind == MESSAGE_foreign || kind == MESSAGE_foreign_old;
}

void message_from_held(struct message *message, struct thread *thread)
{
    *message = (struct message){.kind = (enum message_kind)thread->sending};
    bool own = thread->sending == MESSAGE_fault || thread->sending == MESSAGE_no_memory;
    bool handled = own && thread->foreign == NULL;
    message->badge = handled ? thread->handler_badge : thread->foreign_badge;
    if (message->kind == MESSAGE_page)
        message->badge = thread->asked->pager.badge;
    if (message->kind == MESSAGE_kick) {
        message->way = thread->resume == RESUME_CALL ? ANSWER_RESTART : ANSWER_RESUME;
        /* Kicks do not queue: those up to now are this one. */
        atomic_fetch_and(&thread->attention, ~(uint32_t)ATTENTION_KICK);
    }
    if (kind_is_foreign(message->kind) || message->kind == MESSAGE_kick)
        words_from_frame(message, &thread->frame);
    else if (message->kind == MESSAGE_exit) {
        message->badge = thread->handler_badge;
        message->words[0] = thread->exit_reason;
        message->words[1] = thread->exit_value;
    } else
        memcpy(message->words, thread->fault, sizeof(thread->fault));
}

error_t message_prepare(struct message *message, struct slot_table *table)
{
    debug_assert(message->caps <= MESSAGE_CAPS_MAX);
    for (uint32_t i = 0; i < message->caps; i++) {
        error_t error = slot_reserve(table, &message->target[i]);
        if (error != OK) {
            while (i-- > 0)
                slot_unreserve(message->target[i]);
            return error;
        }
    }
    return OK;
}

void message_unprepare(struct message *message)
{
    for (uint32_t i = 0; i < message->caps; i++)
        slot_unreserve(message->target[i]);
}

/* Copies or moves one capability; 0 if it went since it was checked. */
static uint64_t cap_transfer(struct message *message, uint32_t i)
{
    struct slot *source, *target = message->target[i];
    error_t error = slot_lookup(message->table, message_cap(message, i), RIGHT_grant, &source);
    if (error == OK && (message->moved >> i & 1) != 0)
        error = cap_move(target, source);
    else if (error == OK)
        error = cap_derive(target, source, (rights_t){RIGHTS_ALL}, source->badge);
    if (error == OK)
        return slot_handle(target).value;
    slot_unreserve(target);
    return 0;
}

void message_move_caps(struct message *message)
{
    for (uint32_t i = 0; i < message->caps; i++) {
        /* Read before it is overwritten: words are a copy of the sender's. */
        uint64_t arrived = cap_transfer(message, i);
        message->words[MESSAGE_WORDS - message->caps + i] = arrived;
    }
}

void message_deliver(struct message *message, struct thread *receiver)
{
    struct trap_frame *frame = &receiver->frame;
    message_move_caps(message);
    if (message->bytes != 0)
        memcpy(receiver->page, message->page, message->bytes);
    frame_set_label(frame, message->label);
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        frame_set_word(frame, i, message->words[i]);
    frame_set_control(frame, (uint64_t)message->kind << CONTROL_KIND_SHIFT |
                                 (uint64_t)message->bytes << CONTROL_BYTES_SHIFT |
                                 (uint64_t)message->caps << CONTROL_CAPS_SHIFT |
                                 (uint64_t)message->way << CONTROL_WAY_SHIFT);
    frame_set_operand(frame, 0, message->badge);
    receiver->resume = RESUME_USER;
}
