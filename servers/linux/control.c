/* What comes along with messages of sockets (control.h). */
#include "control.h"
#include "call_file.h"
#include "group.h"
#include "user.h"
#include <stdlib.h>
#include <string.h>

#define CONTROL_MAX 20480 /* bytes in all; Linux's optmem_max */

/* As the kernel has it on both CPUs; then the data, to a multiple of 8 bytes. */
struct control_head {
    uint64_t size; /* with the head */
    int32_t level, type;
};

/* --- reading --- */

static int64_t rights_read(struct call *call, const uint8_t *data, uint64_t size,
                           struct socket_message *message, uint64_t most)
{
    uint32_t count = (uint32_t)(size / sizeof(int32_t));
    if (message->rights == NULL)
        message->rights = rights_make((uint32_t)min_u64(most / sizeof(int32_t), RIGHTS_MAX));
    struct rights *rights = message->rights;
    if (rights == NULL)
        return -ENOMEM;
    if (count > rights->room - rights->count)
        return -EINVAL;
    for (uint32_t i = 0; i < count; i++) {
        int32_t fd;
        memcpy(&fd, data + i * sizeof(fd), sizeof(fd));
        struct file *file = call_find(call, fd);
        if (file == NULL)
            return -EBADF;
        rights->file[rights->count++] = file_get(file);
    }
    return 0;
}

/* Root may say that it is anybody, others what they are. */
static int64_t credentials_read(struct call *call, const uint8_t *data, uint64_t size,
                                struct ucred *from)
{
    const struct group *group = call->task->group;
    struct ucred said;
    if (size != sizeof(said))
        return -EINVAL;
    memcpy(&said, data, sizeof(said));
    bool own = (uint32_t)said.pid == group->pid &&
               (said.uid == group->uid || said.uid == group->euid || said.uid == group->suid) &&
               (said.gid == group->gid || said.gid == group->egid || said.gid == group->sgid);
    if (!own && group->euid != 0)
        return -EPERM;
    *from = said;
    return 0;
}

static int64_t part_read(struct call *call, const struct control_head *head, const uint8_t *data,
                         uint64_t left, struct socket_message *message)
{
    uint64_t size = head->size - sizeof(*head);
    if (head->level != SOL_SOCKET)
        return 0; /* of another protocol: as Linux, passed over */
    if (head->type == SCM_RIGHTS)
        return rights_read(call, data, size, message, left);
    if (head->type == SCM_CREDENTIALS)
        return credentials_read(call, data, size, &message->from);
    return -EINVAL;
}

static int64_t parts_read(struct call *call, const uint8_t *bytes, uint64_t size,
                          struct socket_message *message)
{
    struct control_head head;
    int64_t result = 0;
    while (result == 0 && size >= sizeof(head)) {
        memcpy(&head, bytes, sizeof(head));
        if (head.size < sizeof(head) || head.size > size)
            return -EINVAL;
        result = part_read(call, &head, bytes + sizeof(head), size - sizeof(head), message);
        uint64_t step = min_u64(align_up(head.size, 8), size);
        bytes += step;
        size -= step;
    }
    return result;
}

int64_t control_read(struct call *call, uaddr_t at, uint64_t size, struct socket_message *message)
{
    if (size > CONTROL_MAX)
        return -ENOBUFS;
    if (size == 0)
        return 0;
    uint8_t *bytes = malloc(size);
    if (bytes == NULL)
        return -ENOMEM;
    int64_t result = user_read(call->task, bytes, at, size);
    if (result == 0)
        result = parts_read(call, bytes, size, message);
    free(bytes);
    if (result == 0 && message->rights != NULL)
        result = rights_room(message->rights->count);
    return result;
}

/* --- writing --- */

/* A head for `size` bytes of data, which are there already or are written now; cut if need be. */
static void part_write(struct control *control, int32_t type, const void *data, uint64_t size)
{
    struct control_head head = {sizeof(head) + size, SOL_SOCKET, type};
    if (control->room < sizeof(head)) {
        control->told |= MSG_CTRUNC;
        return;
    }
    if (head.size > control->room) {
        control->told |= MSG_CTRUNC;
        head.size = control->room;
    }
    struct task *task = control->call->task;
    uaddr_t after = {control->at.va + sizeof(head)};
    if (user_write(task, after, data, head.size - sizeof(head)) != 0 ||
        user_write(task, control->at, &head, sizeof(head)) != 0) {
        control->told |= MSG_CTRUNC;
        return;
    }
    uint64_t step = min_u64(align_up(head.size, 8), control->room);
    control->at.va += step;
    control->room -= step;
    control->used += step;
}

void control_credentials(struct control *control, const struct ucred *from)
{
    part_write(control, SCM_CREDENTIALS, from, sizeof(*from));
}

/* As many descriptors as there is room for, in the program's memory and in its table. */
static uint32_t rights_give(struct control *control, const struct rights *rights, bool on_exec,
                            int32_t *given)
{
    struct files *files = control->call->task->files;
    uint64_t fit = (control->room - sizeof(struct control_head)) / sizeof(int32_t);
    uint32_t count = 0;
    while (count < rights->count && count < fit) {
        int64_t fd = files_add(files, rights->file[count], 0, on_exec);
        if (fd < 0)
            break;
        (void)file_get(rights->file[count]);
        given[count++] = (int32_t)fd;
    }
    return count;
}

void control_rights(struct control *control, const struct rights *rights, bool on_exec)
{
    int32_t given[RIGHTS_MAX];
    uint32_t count = 0;
    uint64_t used = control->used;
    if (control->room >= sizeof(struct control_head))
        count = rights_give(control, rights, on_exec, given);
    if (count < rights->count)
        control->told |= MSG_CTRUNC;
    if (count == 0)
        return;
    part_write(control, SCM_RIGHTS, given, count * sizeof(int32_t));
    for (uint32_t i = 0; control->used == used && i < count; i++)
        (void)files_close(control->call->task->files, given[i]); /* the program cannot know them */
}
