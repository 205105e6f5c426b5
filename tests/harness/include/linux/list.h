/* SPDX-License-Identifier: MIT */
/* Rings of nodes, one of which is the head. */
#ifndef HARNESS_LIST_H
#define HARNESS_LIST_H

#include <linux/types.h>

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD(name) struct list_head name = { &(name), &(name) }

#define list_entry(node, type, member) \
	((type *)(void *)((char *)(node) - offsetof(type, member)))
#define list_first_entry(head, type, member) \
	list_entry((head)->next, type, member)
#define list_at(node, pos, member) list_entry(node, __typeof__(*(pos)), member)

#define list_for_each_entry(pos, head, member)				\
	for ((pos) = list_at((head)->next, pos, member);		\
	     &(pos)->member != (head);					\
	     (pos) = list_at((pos)->member.next, pos, member))
#define list_for_each_entry_safe(pos, after, head, member)		\
	for ((pos) = list_at((head)->next, pos, member),		\
	     (after) = list_at((pos)->member.next, pos, member);	\
	     &(pos)->member != (head);					\
	     (pos) = (after),						\
	     (after) = list_at((after)->member.next, after, member))

static inline void list_join(struct list_head *left, struct list_head *right)
{
	left->next = right;
	right->prev = left;
}

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	list_join(head, head);
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline bool list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

static inline void list_add(struct list_head *node, struct list_head *head)
{
	list_join(node, head->next);
	list_join(head, node);
}

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	list_join(head->prev, node);
	list_join(node, head);
}

static inline void list_del_init(struct list_head *node)
{
	list_join(node->prev, node->next);
	INIT_LIST_HEAD(node);
}

static inline void list_move_tail(struct list_head *node, struct list_head *head)
{
	list_del_init(node);
	list_add_tail(node, head);
}

static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	list_join(from->prev, to->next);
	list_join(to, from->next);
	INIT_LIST_HEAD(from);
}

#endif /* HARNESS_LIST_H */
