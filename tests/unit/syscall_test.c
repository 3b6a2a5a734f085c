/* syscall/decode.c and what dispatch knows of the list of system calls. */
#include "arch/user.h"
#include "lib/string.h"
#include "syscall/call.h"
#include "unit.h"

static struct trap_frame frame_of(uint64_t number)
{
    struct trap_frame frame = {0};
    frame_set_control(&frame, number);
    for (uint32_t i = 0; i < 4; i++)
        frame_set_operand(&frame, i, 0x10 + i);
    for (uint32_t i = 0; i < MESSAGE_WORDS; i++)
        frame_set_word(&frame, i, 0x20 + i);
    return frame;
}

static bool decodes_to(const struct trap_frame *frame, const char *expected)
{
    char text[200];
    return syscall_decode(frame, text, sizeof(text)) == strlen(expected) &&
           strcmp(text, expected) == 0;
}

TEST(syscall_decode_names_and_places)
{
    struct trap_frame frame = frame_of(CALL_null);
    EXPECT(decodes_to(&frame, "null()"));
    frame = frame_of(CALL_cap_derive);
    frame_set_operand(&frame, 0, UINT64_C(3) << 32 | 12);
    EXPECT(decodes_to(&frame, "cap_derive(source=12.3, rights=0x20, badge=0x21)"));
    frame = frame_of(CALL_port_receive);
    EXPECT(decodes_to(&frame, "port_receive(port=16.0, reply=17.0, deadline=0x12)"));
    frame = frame_of(CALL_clock_read);
    EXPECT(decodes_to(&frame, "clock_read()"));
}

TEST(syscall_decode_cuts_and_counts)
{
    struct trap_frame frame = frame_of(CALL_cap_delete);
    char text[8] = "";
    EXPECT(syscall_decode(&frame, text, sizeof(text)) == strlen("cap_delete(slot=16.0)"));
    EXPECT(strcmp(text, "cap_del") == 0);
}

TEST(syscall_unknown_number)
{
    struct trap_frame frame = frame_of(255);
    EXPECT(syscall_name(255) == NULL && syscall_name(SYSCALL_LIMIT) == NULL);
    EXPECT(decodes_to(&frame, "call 255"));
    EXPECT(!syscall_may_return(255, ERR_bad_slot));
}

TEST(syscall_lists_its_errors)
{
    EXPECT(strcmp(syscall_name(CALL_yield), "yield") == 0);
    EXPECT(syscall_may_return(CALL_cap_delete, ERR_bad_slot));
    EXPECT(syscall_may_return(CALL_cap_delete, OK));
    EXPECT(!syscall_may_return(CALL_cap_delete, ERR_timeout));
    EXPECT(!syscall_may_return(CALL_cap_delete, (error_t)ERR_COUNT));
}
