/*
 * Doubly linked circular list, linked through a field of the element. An element is in at most
 * one list per field; who owns the head owns the links.
 */
#pragma once

#include "lib/types.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(head) {&(head), &(head)}

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void list_insert(struct list *before, struct list *node)
{
    node->next = before;
    node->prev = before->prev;
    before->prev->next = node;
    before->prev = node;
}

static inline void list_add_first(struct list *head, struct list *node)
{
    list_insert(head->next, node);
}

static inline void list_add_last(struct list *head, struct list *node)
{
    list_insert(head, node);
}

/* Leaves `node` linked to itself, so that removing it twice does no harm. */
static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The same without the harm taken out: for a node that nobody asks whether it is in a list. */
static inline void list_unlink(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
}

/* Moves [first, last], which stand one after the other, to before `place`, which is none of them.
 */
static inline void list_move(struct list *first, struct list *last, struct list *place)
{
    first->prev->next = last->next;
    last->next->prev = first->prev;
    first->prev = place->prev;
    last->next = place;
    first->prev->next = first;
    place->prev = last;
}

#define LIST_EACH(node, head)                                                                      \
    for (struct list *node = (head)->next; node != (head); node = node->next)
