/*
 * Programs' first stacks (image.h).
 *
 *     STACK_TOP -> name of the file, environment, arguments, platform, 16 random bytes
 *                  auxiliary vector, NULL, environment pointers, NULL, argument pointers
 *     sp        -> argument count
 */
#include "group.h"
#include "image.h"
#include "random.h"
#include "server_arch.h"
#include "sys/call.h"
#include "worker.h"
#include <elf.h>
#include <space.h>
#include <stdlib.h>
#include <string.h>

#define AUX_MOST 24
#define HERTZ    100
#define PAGE     UINT64_C(4096)
#define RANDOM   16

int64_t strings_add(struct strings *strings, const char *text, uint64_t length)
{
    if (length + 1 > STRING_MOST || strings->used + length + 1 > ARGUMENTS_MOST)
        return -E2BIG;
    if (strings->used + length + 1 > strings->room) {
        uint64_t room = 2 * (strings->used + length + 1);
        char *bigger = realloc(strings->bytes, room);
        if (bigger == NULL)
            return -ENOMEM;
        strings->bytes = bigger;
        strings->room = room;
    }
    memcpy(strings->bytes + strings->used, text, length);
    strings->bytes[strings->used + length] = 0;
    strings->used += length + 1;
    strings->count++;
    return 0;
}

void strings_free(struct strings *strings)
{
    free(strings->bytes);
    *strings = (struct strings){0};
}

/* What is written, from the top downwards. */
struct stack {
    char *bytes; /* [0, size): the highest part of the stack */
    uint64_t size;
    uint64_t at; /* bytes below are still free */
};

static uint64_t address(const struct stack *stack, uint64_t at)
{
    return STACK_TOP - stack->size + at;
}

static uint64_t push(struct stack *stack, const void *data, uint64_t size)
{
    stack->at -= size;
    if (size != 0)
        memcpy(stack->bytes + stack->at, data, size);
    return address(stack, stack->at);
}

struct aux {
    uint64_t pairs[AUX_MOST][2];
    uint64_t count;
};

static void aux_add(struct aux *aux, uint64_t type, uint64_t value)
{
    aux->pairs[aux->count][0] = type;
    aux->pairs[aux->count++][1] = value;
}

static void aux_fill(struct aux *aux, const struct image *image, const struct task *task)
{
    const struct group *group = task->group;
    aux_add(aux, AT_PAGESZ, PAGE);
    aux_add(aux, AT_CLKTCK, HERTZ);
    aux_add(aux, AT_HWCAP, arch_hwcap());
    aux_add(aux, AT_PHDR, image->headers_va);
    aux_add(aux, AT_PHENT, sizeof(Elf64_Phdr));
    aux_add(aux, AT_PHNUM, image->headers_count);
    aux_add(aux, AT_BASE, image->base);
    aux_add(aux, AT_FLAGS, 0);
    aux_add(aux, AT_ENTRY, image->program_entry);
    aux_add(aux, AT_UID, group->uid);
    aux_add(aux, AT_EUID, group->euid);
    aux_add(aux, AT_GID, group->gid);
    aux_add(aux, AT_EGID, group->egid);
    aux_add(aux, AT_SECURE, 0);
}

/* Pointers to each string of those that stand from `va` on. */
static void pointers(uint64_t *to, const struct strings *strings, uint64_t va)
{
    uint64_t at = 0;
    for (uint64_t i = 0; i < strings->count; i++) {
        to[i] = va + at;
        at += strlen(strings->bytes + at) + 1;
    }
    to[strings->count] = 0;
}

static uint64_t fill(struct stack *stack, struct image *image, const struct task *task,
                     const struct strings *arguments, const struct strings *environment,
                     const char *name)
{
    struct aux aux = {.count = 0};
    struct mm *mm = image->mm;
    uint8_t random[RANDOM];
    random_bytes(random, sizeof(random));
    aux_fill(&aux, image, task);
    aux_add(&aux, AT_EXECFN, push(stack, name, strlen(name) + 1));
    mm->environment = push(stack, environment->bytes, environment->used);
    mm->environment_end = mm->environment + environment->used;
    mm->arguments = push(stack, arguments->bytes, arguments->used);
    mm->arguments_end = mm->arguments + arguments->used;
    aux_add(&aux, AT_PLATFORM, push(stack, arch_platform, strlen(arch_platform) + 1));
    aux_add(&aux, AT_RANDOM, push(stack, random, sizeof(random)));
    aux_add(&aux, AT_NULL, 0);
    uint64_t words = 1 + arguments->count + 1 + environment->count + 1 + 2 * aux.count;
    stack->at = (stack->at - 8 * words) & ~UINT64_C(15);
    uint64_t *word = (uint64_t *)(void *)(stack->bytes + stack->at);
    *word++ = arguments->count;
    pointers(word, arguments, mm->arguments);
    word += arguments->count + 1;
    pointers(word, environment, mm->environment);
    word += environment->count + 1;
    memcpy(word, aux.pairs, aux.count * sizeof(aux.pairs[0]));
    return address(stack, stack->at);
}

/* The highest bytes of a new memory object, mapped as the stack. */
static int64_t stack_map(struct mm *mm, const struct stack *stack)
{
    slot_t memory;
    uint64_t done = 0, left = stack->size - stack->at, at = STACK_BYTES - left;
    const char *data = stack->bytes + stack->at;
    if (tern_object_create(programs_job, OBJECT_memory, (slot_t){0}, STACK_BYTES, &memory) != OK)
        return -ENOMEM;
    error_t error = OK;
    for (; error == OK && left > 0; at += done, data += done, left -= done)
        error = tern_memory_write(memory, at, (uaddr_t){(uintptr_t)data}, left, &done);
    int64_t result = error_number(error);
    if (result == 0)
        result = mm_map(mm, memory, 0, STACK_TOP - STACK_BYTES, STACK_BYTES,
                        SPACE_READ | SPACE_WRITE | SPACE_PRIVATE);
    (void)tern_cap_delete(memory);
    return result;
}

int64_t image_stack(struct image *image, const struct task *task, const struct strings *arguments,
                    const struct strings *environment, const char *name)
{
    uint64_t words = arguments->count + environment->count + 2 * AUX_MOST + 8;
    struct stack stack = {.size = arguments->used + environment->used + strlen(name) +
                                  strlen(arch_platform) + RANDOM + 8 * words + 64};
    stack.size = (stack.size + 15) & ~UINT64_C(15);
    if (stack.size > STACK_BYTES / 2)
        return -E2BIG;
    stack.bytes = calloc(1, stack.size);
    if (stack.bytes == NULL)
        return -ENOMEM;
    stack.at = stack.size;
    image->stack = fill(&stack, image, task, arguments, environment, name);
    int64_t error = stack_map(image->mm, &stack);
    free(stack.bytes);
    return error;
}
