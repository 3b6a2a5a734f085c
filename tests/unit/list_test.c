/* The circular list: order, removal, and being in no list. */
#include "lib/list.h"
#include "unit.h"

struct element {
    int value;
    struct list link;
};

static int sum_of_digits(const struct list *head)
{
    int digits = 0;
    LIST_EACH(link, head)
    digits = digits * 10 + CONTAINER_OF(link, struct element, link)->value;
    return digits;
}

TEST(list_keeps_its_order)
{
    struct list head = LIST_INIT(head);
    struct element elements[4] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    EXPECT(list_empty(&head));
    list_add_last(&head, &elements[1].link);
    list_add_last(&head, &elements[2].link);
    list_add_first(&head, &elements[0].link);
    list_insert(&elements[2].link, &elements[3].link);
    EXPECT(!list_empty(&head) && sum_of_digits(&head) == 1243);
    list_remove(&elements[1].link);
    EXPECT(sum_of_digits(&head) == 143);
    list_remove(&elements[1].link);
    EXPECT(sum_of_digits(&head) == 143 && list_empty(&elements[1].link));
    list_remove(&elements[0].link);
    list_remove(&elements[2].link);
    list_remove(&elements[3].link);
    EXPECT(list_empty(&head));
}

TEST(list_init_empties)
{
    struct list head;
    list_init(&head);
    EXPECT(list_empty(&head) && head.prev == &head);
}
